//! `vestibule.toml` and `trust-policy.json`.

use super::options::{Store, Trust};
use super::site::{Paths, Site, is_url};
use serde_json::{Map, Value, json};
use std::path::Path;

impl Site<'_> {
    pub(super) fn configuration(&self, paths: &Paths) -> String {
        let mut text = format!(
            r#"# Made by `vestibule init`. Every other option, and what all of them mean, is in
# config/vestibule.toml of the distribution. Paths are relative to the directory
# that Vestibule is started in.

[server]
listen = "127.0.0.1:8080"
admin_listen = "127.0.0.1:9090"
# The ACS, which the identity provider posts to and trust policies are pinned to, is
# this + "/saml". TLS is the task of a proxy in front.
public_url = {public_url}
"#,
            public_url = quoted(self.public_url),
        );
        text.push_str(match self.store {
            Store::Embedded => {
                "# That proxy, if it runs on this machine: who comes by it is known by X-Forwarded-For.\n\
                 trusted_proxies = [\"127.0.0.1\", \"::1\"]\n"
            }
            Store::Dynamodb => {
                "# The networks of the proxies in front, whose X-Forwarded-For is believed.\n\
                 #trusted_proxies = [\"10.0.0.0/8\"]\n"
            }
        });
        text.push_str("# Whom a refused person should ask.\n#contact = \"the help desk, phone 1234\"\n");
        self.accounts(&mut text);
        self.saml(&mut text, paths);
        self.idp(&mut text, paths);
        self.backend(&mut text);
        text.push_str(RULES);
        text
    }

    fn saml(&self, text: &mut String, paths: &Paths) {
        let identifier = quoted(self.identifier());
        text.push_str(&format!("\n[saml]\nentity_id = {identifier}\naudience = {identifier}\n"));
        if is_url(&paths.metadata) && self.store == Store::Embedded {
            let cache = quoted_path(&self.state.join("metadata"));
            text.push_str(&format!(
                "# The last good metadata, to start with while its address gives none.\nmetadata_cache = {cache}\n"
            ));
        }
        if self.wants_key {
            let key = quoted_path(&paths.signing_key);
            text.push_str(&format!(
                "# The identity provider wants requests signed. In the Parameter Store it would be\n\
                 # \"ssm:/vestibule/prod/saml-signing\".\nsigning_key = {key}\n"
            ));
        }
    }

    /// Names, where there are any, and what `*` in `provider_arn` stands for.
    fn accounts(&self, text: &mut String) {
        let named = self.accounts.iter().any(|(id, name)| id != name);
        if named || self.accounts.len() > 1 {
            text.push_str("\n# Those whose roles people may have, and what people call them.\n[accounts]\n");
            for (id, name) in &self.accounts {
                text.push_str(&format!("{id} = {}\n", quoted(name)));
            }
        }
    }

    fn idp(&self, text: &mut String, paths: &Paths) {
        text.push_str(&format!(
            "\n[[saml.idp]]\nname = {name}\n# What people read of it: \"Sign in with …\".\n#label = \"Example Company\"\n\
             provider_arn = {provider}\nmetadata = {metadata}\n",
            name = quoted(self.provider_name),
            provider = quoted(&self.provider()),
            metadata = quoted(&paths.metadata),
        ));
        if let Some(authorities) = &paths.metadata_ca {
            text.push_str(&format!("metadata_ca = {}\n", quoted_path(authorities)));
        }
        if let Some(entity_id) = self.entity_id {
            text.push_str(&format!("entity_id = {}\n", quoted(entity_id)));
        }
        let groups = "select.groups = \"AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue\"\n";
        match (&self.adfs_page, self.trust) {
            (Some(_), Trust::Existing) => text.push_str(
                "# Logins begin here: what begins at AD FS's page goes to the console, as before.\n\
                 idp_initiated = false\n",
            ),
            (Some(page), _) => text.push_str(&format!(
                "sign_on_url = {}\nrelying_party_id = {}\n{groups}",
                quoted(page),
                quoted(self.identifier())
            )),
            (None, _) => {
                text.push_str("# Groups or other values for rules (when.attribute.groups), by the name of their attribute.\n#");
                text.push_str(groups);
            }
        }
    }

    fn backend(&self, text: &mut String) {
        if let Some(hub) = &self.hub {
            text.push_str(&self.hub_backend(hub));
        } else {
            text.push_str(&format!("\n[sts]\nkind = \"aws\"\nregion = {}\n", quoted(self.region)));
            text.push_str(&self.sources());
        }
        match self.store {
            Store::Embedded => text.push_str(&format!(
                "\n# Made at first start. For several servers, and for functions: kind = \"dynamodb\".\n\
                 [store]\nkind = \"embedded\"\npath = {database}\n\n\
                 # A file of mode 0600, made at first start. With KMS: kind = \"kms\".\n\
                 [keys]\nkind = \"local\"\npath = {keys}\n",
                database = quoted_path(&self.state.join("vestibule.db")),
                keys = quoted_path(&self.state.join("keys")),
            )),
            // The names of deploy/sam/template.yaml, whose KMS key insists on this context.
            Store::Dynamodb => text.push_str(
                r#"
# For one server without these: kind = "embedded", path = "var/vestibule.db".
[store]
kind = "dynamodb"
sessions_table = "SAMLSessions"
users_table = "SAMLUsers"
audit_table = "SAMLAudit"
claims_table = "SAMLClaims"

# For one server without KMS: kind = "local", path = "var/keys".
[keys]
kind = "kms"
key_id = "alias/sessionMaster"
keys_table = "SAMLKeys"
# The policies in deploy/ insist on this very context.
encryption_context = { samlprovider = "ADFS" }
"#,
            ),
        }
    }

    /// Where STS is called from.
    fn sources(&self) -> String {
        let pin = &self.pin;
        if pin.is_empty() {
            return "# Where this service calls STS from, as AWS sees it. Rules are advisory until the roles' trust\n\
                    # policies demand it: README.md, \"About the trust policy\".\n\
                    #source_ips = [\"203.0.113.7/32\"]\n"
                .to_owned();
        }
        let mut text =
            "# Where this service calls STS from, as AWS sees it; the roles' trust policies demand it.\n"
                .to_owned();
        if !pin.source_ips.is_empty() {
            let ips: Vec<_> = pin.source_ips.iter().map(ToString::to_string).collect();
            text.push_str(&format!("source_ips = {}\n", json!(ips)));
        }
        if !pin.source_vpces.is_empty() {
            text.push_str(&format!("source_vpces = {}\n", json!(pin.source_vpces)));
        }
        text
    }

    /// Documents of IAM have no comments: what is to say of it is in the README.
    pub(super) fn trust_policy(&self, account: &str) -> String {
        if let Some(hub) = &self.hub {
            return self.hub_trust_policy(hub);
        }
        let statement = |condition: Value| {
            json!({
                "Effect": "Allow",
                "Principal": { "Federated": self.provider_of(account) },
                "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
                "Condition": condition,
            })
        };
        let for_recipients = |recipients: Value| json!({ "StringEquals": { "SAML:aud": recipients } });
        let ours = Map::from_iter([("SAML:aud".to_owned(), json!(self.acs()))]);
        let pinned = self.pin.conditions(&ours);
        // Without the console's, nobody could sign in there any more; and nobody does from our address.
        let conditions = match self.console_acs() {
            Some(console) if pinned.is_empty() => vec![for_recipients(json!([console, self.acs()]))],
            Some(console) => pinned.into_iter().chain([for_recipients(json!(console))]).collect(),
            None if pinned.is_empty() => vec![for_recipients(json!(self.acs()))],
            None => pinned,
        };
        let statements: Vec<_> = conditions.into_iter().map(statement).collect();
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        format!("{policy:#}\n")
    }
}

const RULES: &str = r#"
# Rules judge each role that the identity provider offers. The first that holds for it
# decides; where none holds, nobody gets it. People who may have several choose.
[[rule]]
name = "production"
when.role_name = { contains = "Prod" }
duration = "1h"

# Every other role that is offered.
[[rule]]
name = "others"
duration = "1h"
"#;

/// A TOML basic string. JSON's strings are such.
fn quoted(value: &str) -> String {
    Value::from(value).to_string()
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}
