//! Made-up persons: what the rules answer about somebody who has not signed in.

use super::*;

/// What somebody made up would get is what the same person gets who signs in.
#[test]
fn a_made_up_person_is_judged_as_one_who_signed_in() {
    let terms = grant("contractor", vec![when(Field::NameId, "suffix", "-C")]);
    let admins = grant("admins", vec![when(Field::Attribute("groups".into()), "equals", "Admins")]);
    let mfa = grant("mfa", vec![when(Field::AuthnContext, "equals", MFA)]);
    let rules = rules(vec![terms, admins, mfa, production(), refuse("rest", vec![])]);
    for (name_id, role, groups, context) in [
        ("bob-C", "Dev", &[][..], None),
        ("anna", "Dev", &["x", "Admins"], None),
        ("anna", "Dev", &["x"], Some(MFA)),
        ("anna", "Prod", &[], Some(PASSWORD)),
        ("anna", "Dev", &[], None),
    ] {
        let mut identity = person(name_id, &[role]).with_values("groups", groups);
        if let Some(context) = context {
            identity = identity.with_authn_context(context);
        }
        let made_up = MadeUpPerson {
            idp: "ADFS".into(),
            name_id: name_id.into(),
            roles: vec![arn(role)],
            values: [("groups".into(), groups.iter().map(|group| (*group).into()).collect())].into(),
            authn_context: context.map(Into::into),
        };
        let Decision { outcome, explanation } = rules.try_out(&made_up);
        match (rules.decide(identity), outcome) {
            (Ok(grant), Ok(terms)) => {
                assert_eq!(grant.terms(), &terms);
                assert_eq!(grant.explanation(), &explanation);
            }
            (Err(denial), Err((refusal, rule))) => {
                assert_eq!((&denial.refusal, &denial.rule), (&refusal, &rule));
                assert_eq!(denial.explanation, explanation);
            }
            (real, made_up) => panic!("{real:?} is not {made_up:?}"),
        }
    }
    let elsewhere = RoleArn::parse("arn:aws:iam::999999999999:role/Prod").unwrap();
    let made_up = MadeUpPerson { idp: "ADFS".into(), roles: vec![elsewhere], ..MadeUpPerson::default() };
    assert!(rules.provider_beside("ADFS", &made_up.roles[0]).is_none());
    assert_eq!(rules.try_out(&made_up).outcome.unwrap_err().1.as_deref(), Some("rest"));
}
