// The one person of saml-idp, who signs in without a password. Each test says
// who that is by PERSON (JSON).
const person = JSON.parse(process.env.PERSON);
const attribute = (id) => ({ id, optional: false, displayName: id, description: "", multiValue: false });

module.exports = {
  user: person,
  metadata: Object.keys(person)
    .filter((id) => id.startsWith("http"))
    .map(attribute),
};
