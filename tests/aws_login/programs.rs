//! The commands for people's own machines against servers on AWS's wires.

use crate::auditor::text;
use crate::cloud::Cloud;
use crate::people::{Person, caller};
use crate::sealed::for_shells;
use crate::support::computer::{Computer, at_once, go_back, shell_request};
use crate::support::fault_proxy::{Fault, Rule};
use crate::support::forge::Forge;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const AT_ONCE: usize = 64;

/// The processes know one server; the browser and its person are at another one.
#[test]
fn of_64_processes_that_want_one_role_one_asks_sts() {
    let cloud = Arc::new(Cloud::new("processes-"));
    let sites = Arc::new([for_shells(&cloud), for_shells(&cloud)]);
    // All have started before the one has anything to give them.
    sites[1].wires.sts.add(Rule::on("AssumeRoleWithSAML", Fault::Delay(Duration::from_millis(700))));
    let (aws, at) = (Arc::clone(&cloud), Arc::clone(&sites));
    let acts = move |_, address: &str| {
        let (cloud, [one, other]) = (&aws, &*at);
        let shell = shell_request(address);
        let person = Person::new();
        let in_response_to = Some(person.request_for(other, "shell"));
        let response = Forge { in_response_to, ..cloud.response() };
        let ticket = person.post(one, &response).choice();
        let parts =
            json!({ "parts": [{ "role": cloud.role, "use": "shell" }], "shell": { "request": shell } });
        go_back(&person.choose_parts(other, &ticket, &parts.to_string()).json)
    };
    let computer = Computer::with((), Box::new(acts));
    let server = &sites[0].server.base_url;
    let arguments = ["credentials", "--server", server, "--role", &cloud.role];
    let outputs = at_once(AT_ONCE, || computer.command(&arguments));
    assert!(outputs.iter().all(|out| *out == outputs[0]), "everybody has the same");
    assert_eq!(computer.windows(), 1);
    let asked: usize = sites.iter().map(|site| site.wires.sts.seen().len()).sum();
    assert_eq!(asked, 1);

    let credentials: Value = serde_json::from_str(&outputs[0]).unwrap();
    let key = credentials["AccessKeyId"].as_str().unwrap();
    let arn = "arn:aws:sts::123456789012:assumed-role/processes-Production/paula@example.com";
    assert_eq!(caller(&cloud.aws, &credentials).unwrap(), arn);
    let mut trail = cloud.items("SAMLAudit");
    trail.sort_by_key(|event| text(event, "recorded").to_owned());
    let kinds: Vec<_> = trail.iter().map(|event| text(event, "kind")).collect();
    assert_eq!(kinds, ["choice.opened", "login.started", "login.issued", "login.delivered"]);
    assert_eq!(text(&trail[3], "access_key_id"), key);
    cloud.handed_out.lock().unwrap().push(key.to_owned());
    cloud.sweep();
}
