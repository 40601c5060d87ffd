//! Where credentials wait: under which handle, and what their seal is for.

use super::ids::{Handle, LoginId, SessionId};
use super::seal::Purpose;
use crate::jose::PublicKey;
use crate::roles::{RoleArn, Use};

/// Where the credentials of one login wait. A login of its own has the session id; a part of a
/// choice shares it with others, and has its own handle.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) handle: Handle,
    pub(super) purpose: Purpose,
    /// In the ticket of a part.
    pub(super) part: Option<Handle>,
}

impl Place {
    /// Of a login of its own.
    pub(super) fn of_login(session: &SessionId) -> Self {
        Self { handle: session.handle(), purpose: Purpose::credentials(session), part: None }
    }

    /// Of this role for this use, as a part of this choice. What is sealed to a key is met only
    /// by who has it.
    pub(super) fn of_part(
        session: &SessionId,
        choice: &LoginId,
        role: &RoleArn,
        for_use: Use,
        sealed_to: Option<&PublicKey>,
    ) -> Self {
        let sealed_to = sealed_to.map_or_else(String::new, |key| format!(" {}", key.as_str()));
        let whose = format!("{}{sealed_to}", for_use.as_str());
        Self::of_handle(session, session.part(choice, role.as_str(), &whose))
    }

    /// As the ticket says.
    pub(super) fn of_ticket(session: &SessionId, part: Option<Handle>) -> Self {
        part.map_or_else(|| Self::of_login(session), |part| Self::of_handle(session, part))
    }

    fn of_handle(session: &SessionId, part: Handle) -> Self {
        Self { handle: part.clone(), purpose: Purpose::part(session, &part), part: Some(part) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::PrivateKey;

    #[test]
    fn no_two_parts_wait_in_one_place() {
        let sessions =
            ["3Zq9x4bJk2mVwY7tLr5NdA", "4Zq9x4bJk2mVwY7tLr5NdA"].map(|id| SessionId::parse(id).unwrap());
        let roles = ["Prod", "Dev", "a/Prod"].map(|name| format!("arn:aws:iam::123456789012:role/{name}"));
        let keys = [0; 2].map(|_| PrivateKey::generate().unwrap());
        let mut handles = std::collections::BTreeSet::new();
        let mut purposes = std::collections::BTreeSet::new();
        for session in &sessions {
            let mut add = |place: Place| {
                handles.insert(place.handle.as_str().to_owned());
                purposes.insert(place.purpose.handle().as_str().to_owned());
                let again = Place::of_ticket(session, place.part.clone());
                assert_eq!((&again.handle, &again.purpose), (&place.handle, &place.purpose));
            };
            add(Place::of_login(session));
            for (choice, role) in
                ["one", "other"].iter().flat_map(|choice| roles.iter().map(move |role| (choice, role)))
            {
                let choice = LoginId::from_stored((*choice).to_owned());
                for (_, for_use) in Use::ALL {
                    for key in [None, Some(keys[0].public_key()), Some(keys[1].public_key())] {
                        add(Place::of_part(session, &choice, &RoleArn::parse(role).unwrap(), for_use, key));
                    }
                }
            }
        }
        assert_eq!((handles.len(), purposes.len()), (110, 110));
        assert!(handles.is_disjoint(&purposes));
    }
}
