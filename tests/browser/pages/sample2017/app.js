// A page as people wrote them for the 2017 sample: an id and a code kept in the
// browser, the token read from the query, and sent bare beside COGNITO_ID.

var vestibule = "@VESTIBULE@";

function element(id) {
  return document.getElementById(id);
}

function parameter(name) {
  var match = new RegExp("[?&]" + name + "=([^&]*)").exec(window.location.search);
  return match && decodeURIComponent(match[1]);
}

function request(url, headers, done) {
  var xhr = new XMLHttpRequest();
  xhr.open("GET", url);
  Object.keys(headers).forEach(function (name) {
    xhr.setRequestHeader(name, headers[name]);
  });
  xhr.onload = function () {
    done(xhr.status, JSON.parse(xhr.responseText));
  };
  xhr.onerror = function () {
    element("problem").textContent = "no answer";
  };
  xhr.send();
}

function login() {
  var cognitoId = "eu-central-1:" + crypto.randomUUID();
  var code = crypto.randomUUID() + crypto.randomUUID();
  localStorage.setItem("cognitoId", cognitoId);
  request(vestibule + "/config.json", {}, function (status, config) {
    var idp = config.identity_providers[0];
    var inner = "RPID=" + encodeURIComponent(idp.relying_party_id) + "&RelayState=" + encodeURIComponent(cognitoId + "##" + code);
    window.location = idp.sign_on_url + "?RelayState=" + encodeURIComponent(inner);
  });
}

var jwt = parameter("jwt");
if (jwt) {
  var headers = { Authorization: jwt };
  if (localStorage.getItem("cognitoId")) {
    headers.COGNITO_ID = localStorage.getItem("cognitoId");
  }
  request(vestibule + "/saml", headers, function (status, answer) {
    if (status !== 200) {
      element("problem").textContent = status + " " + answer.error;
      return;
    }
    var credentials = answer.Attributes.credentials.M.Credentials.M;
    element("key").textContent = credentials.AccessKeyId.S;
    element("until").textContent = credentials.Expiration.S;
    window.credentials = {
      accessKeyId: credentials.AccessKeyId.S,
      secretAccessKey: credentials.SecretAccessKey.S,
      sessionToken: credentials.SessionToken.S,
    };
  });
}
element("login").onclick = login;
