//! What each function really asks of AWS, by what crosses the wire, against what
//! `deploy/actions.toml` says it may. `tests/deploy/check.py` compares the same file
//! with the sources on one side and with every policy on the other.

use crate::auditor::text;
use crate::cloud::{Asking, Cloud, Options, Site, Wires, metadata, root};
use crate::people::{Person, Reply, parts};
use crate::support::aws::REGION;
use crate::support::fault_proxy::{Fault, FaultProxy, Rule};
use crate::support::forge::Forge;
use crate::support::lambda_runtime::LambdaHost;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread::scope;
use std::time::Duration;
use tempfile::TempDir;

/// Action and resource, as `deploy/actions.toml` names them.
type Calls = BTreeSet<(String, String)>;

/// In every function's role, and not on our wires.
const NOT_OURS: [(&str, &str); 2] = [
    ("logs:CreateLogStream", "Lambda writes our output to its log in the function's name"),
    ("logs:PutLogEvents", "likewise"),
];

/// Roles that none of our processes has.
const NOT_OUR_ROLES: [(&str, &str); 1] =
    [("ecs-execution", "ECS itself has it, to fetch the image before our process starts")];

/// What `deploy/actions.toml` lists.
struct Actions(toml::Table);

impl Actions {
    fn read() -> Self {
        Self(std::fs::read_to_string(root().join("deploy/actions.toml")).unwrap().parse().unwrap())
    }

    fn roles(&self) -> BTreeSet<&str> {
        self.0["role"].as_table().unwrap().keys().map(String::as_str).collect()
    }

    /// What a role may, but for what is not ours.
    fn of(&self, role: &str) -> Calls {
        Self::listed(&self.0["role"][role])
    }

    /// The roles to which a mode adds something, and what.
    fn mode(&self, mode: &str) -> impl Iterator<Item = (&str, Calls)> {
        let roles = self.0["mode"][mode].as_table().unwrap().iter();
        roles.map(|(role, actions)| (role.as_str(), Self::listed(actions)))
    }

    fn listed(actions: &toml::Value) -> Calls {
        let actions = actions.as_table().unwrap().iter();
        let ours = actions.filter(|(action, _)| NOT_OURS.iter().all(|(not, _)| not != action));
        ours.flat_map(|(action, resources)| {
            let resources = resources.as_array().unwrap().iter();
            resources.map(|resource| (action.clone(), resource.as_str().unwrap().to_owned()))
        })
        .collect()
    }

    /// The SDK's operations that the default configuration needs: those that its roles may call.
    fn operations(&self) -> BTreeSet<String> {
        let may: BTreeSet<_> = self.roles().into_iter().flat_map(|role| self.of(role)).collect();
        let operations = self.0["operations"].as_table().unwrap().iter();
        let needed = operations.filter(|(_, actions)| {
            let mut actions = actions.as_array().unwrap().iter().map(|action| action.as_str().unwrap());
            actions.all(|needed| may.iter().any(|(action, _)| action == needed))
        });
        needed.map(|(operation, _)| operation.replace('_', "")).collect()
    }
}

/// What came by.
#[derive(Default)]
struct Recorded {
    calls: Calls,
    operations: BTreeSet<String>,
}

impl Recorded {
    /// All that crossed these wires; each call must be about what is this cloud's.
    fn on(cloud: &Cloud, wires: &Wires) -> Self {
        let mut recorded = Self::default();
        for seen in wires.sts.seen() {
            assert_eq!(seen.operation, cloud.options.asking.operation());
            // AssumeRoleWithSAML is not signed, and needs no permission.
            if seen.operation == "AssumeRole" {
                recorded.calls.extend(assuming(&seen.body));
            }
            recorded.operations.insert(seen.operation.to_lowercase());
        }
        recorded.each(&wires.dynamodb, |operation, body| {
            let table = |on: &Value| cloud.kind_of_table(on["TableName"].as_str().unwrap());
            match body["TransactItems"].as_array() {
                None => vec![(format!("dynamodb:{operation}"), table(body))],
                // A transaction needs the permissions of what it contains.
                Some(actions) => {
                    let actions = actions.iter().flat_map(|action| action.as_object().unwrap());
                    actions.map(|(action, on)| (format!("dynamodb:{action}Item"), table(on))).collect()
                }
            }
        });
        recorded.each(&wires.kms, |operation, body| {
            assert_eq!(body["KeyId"], cloud.key.as_str());
            assert_eq!(body["EncryptionContext"]["samlprovider"], "ADFS", "the key's policy insists on it");
            vec![(format!("kms:{operation}"), "key".to_owned())]
        });
        recorded.each(&wires.ssm, |operation, body| {
            for name in body["Names"].as_array().unwrap() {
                assert!(name.as_str().unwrap().starts_with("/vestibule/prod/"), "{name}");
            }
            vec![(format!("ssm:{operation}"), "parameters".to_owned())]
        });
        recorded
    }

    fn each(&mut self, proxy: &FaultProxy, needs: impl Fn(&str, &Value) -> Vec<(String, String)>) {
        for seen in proxy.seen() {
            let body = serde_json::from_str(&seen.body).unwrap();
            self.calls.extend(needs(&seen.operation, &body));
            self.operations.insert(seen.operation.to_lowercase());
        }
    }
}

/// What assuming a role takes, by what is said of the person with it (IAM, "Monitor and control
/// actions taken with assumed roles", "Pass session tags in AWS STS").
fn assuming(form: &str) -> Calls {
    let says = |name: &str| form_urlencoded::parse(form.as_bytes()).any(|(key, _)| key.starts_with(name));
    let needed = [
        ("RoleArn", "sts:AssumeRole"),
        ("SourceIdentity", "sts:SetSourceIdentity"),
        ("Tags.member.", "sts:TagSession"),
    ];
    let needed = needed.into_iter().filter(|(parameter, _)| says(parameter));
    needed.map(|(_, action)| (action.to_owned(), "people".to_owned())).collect()
}

impl Cloud {
    /// `SAMLSessions` is `sessions`.
    fn kind_of_table(&self, name: &str) -> String {
        name.strip_prefix(&format!("{}SAML", self.prefix)).unwrap().to_lowercase()
    }
}

/// The binary as a function, behind wires of its own.
struct Function {
    host: LambdaHost,
    wires: Wires,
}

impl Function {
    fn start(cloud: &Cloud, config: &str, handler: &str) -> Self {
        let wires = Wires::to(&cloud.aws);
        let mut env = cloud.env(&wires);
        if cloud.options.asking == Asking::AsItself {
            // As the template says it; `server` has it from the file.
            env.push(("VESTIBULE_STS_KIND".to_owned(), "assume-role".to_owned()));
        }
        env.push(("VESTIBULE_CONFIG".to_owned(), config.to_owned()));
        env.push(("_HANDLER".to_owned(), handler.to_owned()));
        let host = LambdaHost::start(Path::new(env!("CARGO_BIN_EXE_vestibule")), &[], &env);
        Self { host, wires }
    }

    /// A request by way of an HTTP API.
    fn request(&self, method: &str, path: &str, headers: &Value, body: Option<&str>) -> Reply {
        let answer = self.host.invoke(&json!({
            "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": "",
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012", "apiId": "abc123", "domainName": "abc123.example",
                "domainPrefix": "abc123", "requestId": "JKJaXmPLvHcESHA=", "stage": "$default",
                "routeKey": format!("{method} {path}"), "time": "23/Nov/2026:09:00:00 +0000",
                "timeEpoch": 1_795_424_400_000_i64,
                "http": {
                    "method": method, "path": path, "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.9", "userAgent": "page",
                },
            },
            "body": body, "isBase64Encoded": false,
        }));
        let answer = answer.unwrap();
        Reply {
            status: answer["statusCode"].as_u64().unwrap().try_into().unwrap(),
            location: answer["headers"]["location"].as_str().map(str::to_owned),
            json: serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default(),
        }
    }
}

/// What a login needs: a function behind a gateway, or a server.
trait Callable {
    fn post(&self, person: &Person, response: &Forge) -> Reply;
    fn take(&self, cloud: &Cloud, person: &Person, ticket: &str) -> Reply;
    fn list(&self, person: &Person, ticket: &str) -> Reply;
    fn choose(&self, person: &Person, ticket: &str, roles: &[&str]) -> Reply;
    fn wires(&self) -> &Wires;
}

impl Callable for Function {
    fn post(&self, person: &Person, response: &Forge) -> Reply {
        let form = person.form("/saml", response);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form.fields).finish();
        let headers = json!({
            "content-type": "application/x-www-form-urlencoded", "accept": "application/json",
        });
        self.request("POST", "/saml", &headers, Some(&body))
    }
    fn take(&self, _: &Cloud, person: &Person, ticket: &str) -> Reply {
        let headers =
            json!({ "authorization": format!("Bearer {ticket}"), "vestibule-verifier": person.verifier });
        self.request("GET", "/saml", &headers, None)
    }
    fn list(&self, person: &Person, ticket: &str) -> Reply {
        let headers =
            json!({ "authorization": format!("Bearer {ticket}"), "vestibule-verifier": person.verifier });
        self.request("GET", "/saml/choice", &headers, None)
    }
    fn choose(&self, person: &Person, ticket: &str, roles: &[&str]) -> Reply {
        let headers = json!({
            "authorization": format!("Bearer {ticket}"), "vestibule-verifier": person.verifier,
            "content-type": "application/json",
        });
        self.request("POST", "/saml/choice", &headers, Some(&parts(roles)))
    }
    fn wires(&self) -> &Wires {
        &self.wires
    }
}

impl Callable for Site {
    fn post(&self, person: &Person, response: &Forge) -> Reply {
        person.post(self, response)
    }
    fn take(&self, cloud: &Cloud, person: &Person, ticket: &str) -> Reply {
        cloud.take(self, person, ticket)
    }
    fn list(&self, person: &Person, ticket: &str) -> Reply {
        person.list(self, ticket)
    }
    fn choose(&self, person: &Person, ticket: &str, roles: &[&str]) -> Reply {
        person.choose(self, ticket, roles)
    }
    fn wires(&self) -> &Wires {
        &self.wires
    }
}

/// Everything that can happen to logins, and makes another call of AWS.
fn every_kind_of_login(cloud: &Cloud, entry: &(impl Callable + Sync)) {
    let person = Person::new();
    let both = [cloud.role.clone(), "arn:aws:iam::123456789012:role/Nowhere-Production".to_owned()];
    let ticket = entry.post(&person, &cloud.offering(&both)).choice();
    assert_eq!(entry.list(&person, &ticket).json["roles"].as_array().unwrap().len(), 2);
    let chosen = entry.choose(&person, &ticket, &[&both[0]]).parts();
    assert_eq!(entry.choose(&person, &ticket, &[&both[0]]).parts().len(), 1, "it waits already");
    assert_eq!(entry.take(cloud, &person, &chosen[0]).status, 200);
    // Its time is over, and the next ones are logins.
    cloud.age();

    let (person, response) = (Person::new(), cloud.response());
    let ticket = entry.post(&person, &response).ticket();
    assert_eq!(entry.post(&person, &response).cell(), (409, "assertion_replayed"));
    assert_eq!(entry.post(&person, &cloud.response()).cell(), (409, "session_waiting"));
    assert_eq!(entry.take(cloud, &person, &ticket).status, 200);

    let of_nobody =
        Forge { roles: vec![crate::support::forge::role("Nowhere-Production")], ..cloud.response() };
    let refused = match cloud.options.asking {
        Asking::WithSaml => "sts_not_trusted",
        Asking::AsItself => "sts_hub_not_trusted",
    };
    assert_eq!(entry.post(&Person::new(), &of_nobody).cell(), (502, refused));

    let slow = Fault::Delay(Duration::from_secs(1));
    entry.wires().sts.add(Rule::on(cloud.options.asking.operation(), slow).times(1));
    let (person, response) = (Person::new(), cloud.response());
    scope(|threads| {
        let posting = threads.spawn(|| entry.post(&person, &response).cell().1.to_owned());
        cloud.forget_reservation(&person);
        assert_eq!(posting.join().unwrap(), "login_too_slow");
    });
}

/// The configuration as a function's package has it.
fn packaged(config: &str) -> TempDir {
    let dir = TempDir::with_prefix("vestibule-actions-").unwrap();
    std::fs::write(dir.path().join("adfs.xml"), metadata()).unwrap();
    let config = config
        .replace("@LISTEN@", "127.0.0.1:8080")
        .replace("@ADMIN@", "127.0.0.1:9090")
        .replace("@REGION@", REGION)
        .replace("@DIR@", dir.path().to_str().unwrap());
    std::fs::write(dir.path().join("vestibule.toml"), config).unwrap();
    dir
}

/// `mode.assume-role`: what it adds to the roles is what crosses the wire, and the policy of
/// `deploy/` is enough for it.
#[test]
fn what_assuming_roles_adds_is_what_is_asked() {
    let cloud = Cloud::with("assumes-", Options { asking: Asking::AsItself, ..Options::default() });
    let policy = std::fs::read_to_string(root().join("deploy/iam/server.assume-role.json")).unwrap();
    let policy: Value = serde_json::from_str(&policy.replace("role/ADFS-*", "role/assumes-*")).unwrap();
    cloud.own_credentials(&json!({ "policy": policy }));
    let file_says = cloud.config().replace("kind = \"assume-role\"", "kind = \"aws\"");
    let dir = packaged(&file_says);
    let server = cloud.server();
    cloud.keys_with(&Wires::to(&cloud.aws), &server.server.path("vestibule.toml"), "create");
    every_kind_of_login(&cloud, &server);
    let http = Function::start(&cloud, dir.path().join("vestibule.toml").to_str().unwrap(), "http");
    every_kind_of_login(&cloud, &http);

    let recorded: BTreeMap<_, _> = [("http", http.wires()), ("server", server.wires())]
        .map(|(role, wires)| (role, Recorded::on(&cloud, wires)))
        .into();
    let actions = Actions::read();
    let added = recorded.iter().map(|(&role, recorded)| {
        let may = actions.of(role);
        (role, recorded.calls.difference(&may).cloned().collect())
    });
    assert_eq!(added.collect::<BTreeMap<_, Calls>>(), actions.mode("assume-role").collect());
    for recorded in recorded.values() {
        assert!(recorded.operations.contains("assumerole"));
    }
}

#[test]
fn what_each_function_asks_of_aws_is_what_it_may() {
    let cloud = Cloud::new("actions-");
    let name = "/vestibule/prod/key-id";
    cloud.aws.put_parameter(name, &cloud.key, "alias/aws/ssm");
    let config =
        cloud.config().replace(&format!("key_id = {:?}", cloud.key), &format!("key_id = \"ssm:{name}\""));
    let dir = packaged(&config);
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let mut recorded: BTreeMap<&str, Recorded> = BTreeMap::new();

    let wires = Wires::to(&cloud.aws);
    let kids: Vec<_> = ["create", "rotate", "list"]
        .iter()
        .flat_map(|command| cloud.keys_with(&wires, Path::new(&file("vestibule.toml")), command))
        .collect();
    assert_eq!(kids.len(), 1 + 1 + 2);
    recorded.insert("keys-operator", Recorded::on(&cloud, &wires));

    let http = Function::start(&cloud, &file("vestibule.toml"), "http");
    every_kind_of_login(&cloud, &http);
    let (person, response) = (Person::new(), cloud.response());
    let ticket = http.post(&person, &response).ticket();
    recorded.insert("http", Recorded::on(&cloud, &http.wires));

    let authorizer = Function::start(&cloud, &file("vestibule.toml"), "authorizer");
    let arn = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml";
    let event =
        json!({ "type": "TOKEN", "authorizationToken": format!("Bearer {ticket}"), "methodArn": arn });
    let policy = authorizer.host.invoke(&event).unwrap();
    assert_eq!(policy["principalId"], person.session);
    recorded.insert("authorizer", Recorded::on(&cloud, &authorizer.wires));

    // That session was never taken, and an hour has passed.
    cloud.age();
    let sweeper = Function::start(&cloud, &file("vestibule.toml"), "sweeper");
    assert_eq!(sweeper.host.invoke(&json!({ "source": "aws.events" })).unwrap()["swept"], true);
    assert_eq!(cloud.history(&response).last().unwrap(), "login.expired");
    assert_eq!(cloud.items("SAMLSessions"), [] as [Value; 0]);
    // Names used once are for DynamoDB to forget; what the store knows of itself is kept.
    for claim in cloud.items("SAMLClaims") {
        assert_eq!(claim["expires"].is_object(), text(&claim, "handle") != "meta", "{claim}");
    }
    recorded.insert("sweeper", Recorded::on(&cloud, &sweeper.wires));

    // A server does all of it, and sweeps when it starts.
    http.post(&Person::new(), &cloud.response()).ticket();
    cloud.age();
    let server = cloud.server_with(&config);
    every_kind_of_login(&cloud, &server);
    while cloud.items("SAMLSessions").iter().any(|item| text(item, "identityhash") != "readiness") {
        std::thread::sleep(Duration::from_millis(100));
    }
    recorded.insert("server", Recorded::on(&cloud, &server.wires));

    let actions = Actions::read();
    let roles: BTreeSet<_> = recorded.keys().copied().chain(NOT_OUR_ROLES.map(|(role, _)| role)).collect();
    assert_eq!(actions.roles(), roles, "each is recorded here, or named with a reason");
    for (role, recorded) in &recorded {
        let (may, does) = (actions.of(role), &recorded.calls);
        let (unused, missing): (Vec<_>, Vec<_>) =
            (may.difference(does).collect(), does.difference(&may).collect());
        assert!(unused.is_empty() && missing.is_empty(), "{role}: unused {unused:?}, missing {missing:?}");
    }
    let seen: BTreeSet<_> = recorded.into_values().flat_map(|recorded| recorded.operations).collect();
    assert_eq!(seen, actions.operations());
}
