//! Who waits by a key of their own, through each front: a page (`delivery.binding = "sealed"`), and
//! a program at a shell.

use crate::front::{FRONTS, Front};
use crate::support::cloud::{Cloud, FORM, metadata};
use crate::support::forge::Forge;
use crate::support::lambda_runtime::LambdaHost;
use crate::support::sealed::Waiting;
use crate::support::waiting::{WaitingPage, request_id};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vestibule::broker::shell_number;

const HOST: (&str, &str) = ("Host", "vestibule.example.com");
const ORIGIN: (&str, &str) = ("Origin", "https://vestibule.example.com");
const JSON: (&str, &str) = ("Content-Type", "application/json");
const ACCEPT: (&str, &str) = ("Accept", "application/json");
const REDIRECT: &str = "http://127.0.0.1:49152/callback";
const TERMINAL: &str = "203.0.113.7";
const BROWSER: &str = "198.51.100.9";
const ARN: &str = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml";

/// The functions of one deployment, and what is in front of them.
struct Deployed<'f> {
    http: &'f LambdaHost,
    authorizer: &'f LambdaHost,
    front: Front,
}

/// An answer, whatever the payload format.
struct Answer {
    status: u64,
    location: Option<String>,
    json: Value,
}

impl Answer {
    /// What stands behind the `#` of a redirect to the page, by its name.
    fn fragment(&self, name: &str) -> String {
        let location = self.location.as_deref().unwrap_or_else(|| panic!("{}: {}", self.status, self.json));
        let fragment = location.strip_prefix(&format!("https://vestibule.example.com/#{name}="));
        fragment.unwrap_or_else(|| panic!("{location}")).to_owned()
    }
}

impl Deployed<'_> {
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        self.ask_from(BROWSER, method, path, headers, body)
    }

    fn ask_from(
        &self,
        client: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let mut event = self.front.event(method, path, &[&[HOST, ACCEPT], headers].concat(), body);
        self.front.set_client(&mut event, client);
        self.send(&event)
    }

    fn send(&self, event: &Value) -> Answer {
        let answer = self.http.invoke(event).unwrap();
        assert!(self.front.is_answered_by(&answer), "{:?}: {answer}", self.front);
        let location = &answer["headers"]["location"];
        let location = location.as_str().or(answer["multiValueHeaders"]["location"][0].as_str());
        Answer {
            status: answer["statusCode"].as_u64().unwrap(),
            location: location.map(str::to_owned),
            json: serde_json::from_str(answer["body"].as_str().unwrap()).unwrap_or_default(),
        }
    }

    /// `GET /saml/login`: the request's `ID`.
    fn start(&self, query: &[(&str, &str)]) -> String {
        let mut event = self.front.event("GET", "/saml/login", &[HOST, ACCEPT], None);
        self.front.set_queries(&mut event, query);
        let sent = self.send(&event);
        request_id(&sent.location.unwrap_or_else(|| panic!("{:?}: {}", self.front, sent.json)))
    }

    fn post(&self, relay_state: &str, response: &Forge) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLResponse", &STANDARD.encode(response.xml()))
            .append_pair("RelayState", relay_state)
            .finish();
        self.ask("POST", "/saml", &[FORM], Some(&form))
    }

    /// `GET /saml` with a ticket alone; where there is an authorizer, it is asked first.
    fn take(&self, ticket: &str) -> Answer {
        let bearer = format!("Bearer {ticket}");
        let authorization = ("Authorization", bearer.as_str());
        let mut event = self.front.event("GET", "/saml", &[HOST, authorization], None);
        let arn = match self.front {
            Front::Rest => Some("methodArn"),
            Front::HttpApi => Some("routeArn"),
            Front::FunctionUrl | Front::Balancer | Front::BalancerWithLists => None,
        };
        if let Some(arn) = arn {
            event["type"] = json!("REQUEST");
            event[arn] = json!(ARN);
            let says = self.authorizer.invoke(&event);
            let is_allowed = says.as_ref().is_ok_and(|says| {
                says["isAuthorized"] == true || says["policyDocument"]["Statement"][0]["Effect"] == "Allow"
            });
            if !is_allowed {
                let is_no = says == Ok(json!({ "isAuthorized": false }))
                    || says.as_ref().is_err_and(|error| error["errorMessage"] == "Unauthorized");
                assert!(is_no, "{:?}: {says:?}", self.front);
                return Answer { status: 401, location: None, json: Value::Null };
            }
        }
        self.ask_from(TERMINAL, "GET", "/saml", &[authorization], None)
    }

    /// A take to its end, and once.
    fn takes(&self, waiting: &Waiting, jwe: &str) -> Value {
        assert_eq!(self.take(jwe).status, 401, "{:?}: as it was seen on its way", self.front);
        let ticket = waiting.open(jwe);
        let taken = self.take(&ticket);
        assert_eq!(taken.status, 200, "{:?}: {}", self.front, taken.json);
        assert_eq!(taken.json.as_object().unwrap().keys().collect::<Vec<_>>(), ["jwe"]);
        let again = self.take(&ticket);
        assert_eq!((again.status, &again.json["error"]), (404, &json!("gone")), "{:?}", self.front);
        let document = waiting.open(taken.json["jwe"].as_str().unwrap());
        let log = self.http.log_text() + &self.authorizer.log_text();
        assert!(!log.contains(&ticket) && !log.contains(jwe));
        serde_json::from_str(&document).unwrap()
    }
}

fn response(id: &str, answers: String) -> Forge {
    let response_id = format!("_of{id}");
    Forge { in_response_to: Some(answers), response_id, ..Forge::issued_now(id) }
}

/// For each front, what is in it and a number for it.
fn at_each_front(options: &[(&str, &str)], login: impl Fn(&Deployed<'_>, u32)) -> Cloud {
    let cloud = Cloud::start();
    // A sealed login begins here, and so does a program's.
    let takes_requests = "<SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
                          Location=\"https://adfs.example.com/adfs/ls/\"/></IDPSSODescriptor>";
    let metadata = metadata().replace("</IDPSSODescriptor>", takes_requests);
    std::fs::write(cloud.dir.path().join("adfs.xml"), metadata).unwrap();
    let (http, authorizer) = (cloud.function_as("http", options), cloud.function_as("authorizer", options));
    for (front, number) in FRONTS.into_iter().zip(1..) {
        login(&Deployed { http: &http, authorizer: &authorizer, front }, number);
    }
    cloud
}

#[test]
fn a_sealed_login_through_each_front() {
    at_each_front(&[("VESTIBULE_DELIVERY_BINDING", "sealed")], |deployed, number| {
        let page = Waiting::page(number);
        let relay_state = page.relay_state();
        let form =
            form_urlencoded::Serializer::new(String::new()).append_pair("RelayState", &relay_state).finish();
        let elsewhere = ("Origin", "https://evil.example.com");
        let refused = deployed.ask("POST", "/saml/login", &[elsewhere, FORM], Some(&form));
        assert_eq!((refused.status, &refused.json["error"]), (403, &json!("start_elsewhere")));
        let permit = deployed.ask("POST", "/saml/login", &[ORIGIN, FORM], Some(&form)).json;
        let permit = permit["permit"].as_str().unwrap_or_else(|| panic!("{permit}"));
        let answers = deployed.start(&[("RelayState", &relay_state), ("permit", permit)]);
        let posted = deployed.post(&relay_state, &response(&format!("_sealed{number}"), answers));
        let document = deployed.takes(&page, &posted.fragment("jwt"));
        assert_eq!(document["role"], "arn:aws:iam::123456789012:role/ADFS-Production");
    });
}

#[test]
fn a_programs_login_through_each_front() {
    let options = [("VESTIBULE_SERVER_CHOOSE", "true"), ("VESTIBULE_SHELL_ENABLED", "true")];
    let cloud = at_each_front(&options, |deployed, number| {
        let program = Waiting::program(number);
        let body = json!({ "key": program.key(), "state": program.name, "redirect_uri": REDIRECT });
        let asked = deployed.ask_from(TERMINAL, "POST", "/saml/shell", &[JSON], Some(&body.to_string())).json;
        let request = asked["request"].as_str().unwrap_or_else(|| panic!("{asked}"));
        assert_eq!(asked["page"], "https://vestibule.example.com/");

        let page = WaitingPage::new(&format!("program{number}"));
        let relay_state = page.relay_state();
        let answers = deployed.start(&[("idp", "ADFS"), ("RelayState", &relay_state), ("use", "shell")]);
        let posted = deployed.post(&relay_state, &response(&format!("_program{number}"), answers));
        let bearer = format!("Bearer {}", posted.fragment("choice"));
        let who = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", page.verifier.as_str())];
        let listed = deployed.ask("GET", "/saml/choice", &who, None);
        assert_eq!((listed.status, &listed.json["error"]), (400, &json!("shell_request_malformed")));
        let shown = [&who[..], &[("Vestibule-Shell", request)]].concat();
        let shell = deployed.ask("GET", "/saml/choice", &shown, None).json["shell"].clone();
        assert_eq!(shell["number"], shell_number(program.key(), &program.name), "{shell}");
        let role = "arn:aws:iam::123456789012:role/ADFS-Production";
        let parts = json!({ "parts": [{ "role": role, "use": "shell" }], "shell": { "request": request } });
        let chosen =
            deployed.ask("POST", "/saml/choice", &[&who[..], &[JSON]].concat(), Some(&parts.to_string()));
        let jwe = chosen.json["parts"][0]["ticket"].as_str().unwrap_or_else(|| panic!("{}", chosen.json));
        assert_eq!(deployed.takes(&program, jwe)["role"], role);
    });
    // Where the program and its person are is what the front says.
    let trail = cloud.aws.items("SAMLAudit");
    for (kind, source_ip) in
        [("login.started", BROWSER), ("login.issued", BROWSER), ("login.delivered", TERMINAL)]
    {
        let of_kind: Vec<_> = trail.iter().filter(|event| event["kind"]["S"] == kind).collect();
        assert_eq!(of_kind.len(), FRONTS.len(), "{kind}");
        for event in of_kind {
            assert_eq!((&event["use"]["S"], &event["source_ip"]["S"]), (&json!("shell"), &json!(source_ip)));
            assert_eq!(event["asked_from"]["S"].as_str(), (source_ip == BROWSER).then_some(TERMINAL));
        }
    }
}
