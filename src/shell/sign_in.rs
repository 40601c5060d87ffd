//! One sign-in: a fresh key, a browser, sealed tickets, sealed credentials, the cache.

use super::browser;
use super::cache::Entry;
use super::callback::{Arrived, Callback, Outcome};
use super::context::Context;
use super::document::{Document, moment};
use super::exit::{Exit, Failure};
use super::files::Held;
use super::keys::KeyPlace;
use super::names::is_region;
use super::pages::Shown;
use super::paste;
use super::remote::{self, Asked, Begun, printable};
use super::server::Server;
use crate::broker::ports::SecureRandom;
use crate::broker::shell_number;
use crate::jose::{self, PrivateKey};
use crate::system::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;

/// A person who has not answered after this has gone.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// More is a clock that is wrong: credentials would seem valid, or stale, that are not.
const CLOCKS_MAY_DIFFER: time::Duration = time::Duration::minutes(5);

/// What is wanted.
pub(super) struct Wish<'a> {
    pub(super) server: &'a Server,
    /// None: the person chooses at the page.
    pub(super) roles: &'a [String],
    pub(super) idp: Option<&'a str>,
    /// Without a browser here.
    pub(super) other_device: bool,
    pub(super) key_place: Option<KeyPlace>,
}

/// One login, between its beginning and its end.
struct Login<'a> {
    context: &'a Context,
    server: &'a Server,
    key: PrivateKey,
    state: String,
    key_place: KeyPlace,
    region: Option<String>,
}

/// Signs in, and caches what was handed over.
///
/// # Errors
///
/// Nothing was handed over.
pub(super) async fn sign_in(context: &Context, wish: &Wish<'_>) -> Result<Vec<Entry>, Failure> {
    // Before anybody signs in for nothing.
    drop(Held::take(&context.cache.directory)?);
    let key_place = usable_place(context, wish).await?;
    let key = PrivateKey::generate().map_err(|_| Failure::new(Exit::Failed, "no key can be made"))?;
    let mut state = [0; 16];
    SystemRandom.fill(&mut state);
    let mut login = Login {
        context,
        server: wish.server,
        key,
        state: URL_SAFE_NO_PAD.encode(state),
        key_place,
        region: None,
    };
    if wish.other_device { login.by_pasting(wish).await } else { login.by_browser(wish).await }
}

/// Where the key will lie. A keyring may ask its person, for as long as that takes: what else this
/// process does goes on.
async fn usable_place(context: &Context, wish: &Wish<'_>) -> Result<KeyPlace, Failure> {
    let (wanted, directory) = (wish.key_place.or(context.settings.cache), context.cache.directory.clone());
    let usable = tokio::task::spawn_blocking(move || KeyPlace::usable(wanted, &directory)).await;
    usable.unwrap_or_else(|e| Err(Failure::new(Exit::Failed, format!("the keyring was not tried: {e}"))))
}

impl Login<'_> {
    async fn begin(&mut self, redirect_uri: Option<&str>) -> Result<Begun, Failure> {
        let asked = Asked { key: self.key.public_key().as_str(), state: &self.state, redirect_uri };
        let begun = remote::begin(self.server, &asked).await?;
        self.region = begun.region.clone().filter(|region| is_region(region));
        let theirs = moment(&begun.now).ok_or_else(|| {
            Failure::new(Exit::Incompatible, format!("{} says no time that can be read", self.server))
        })?;
        Server::parse(&begun.page).map_err(|_| {
            Failure::new(Exit::Incompatible, format!("{} names no page that can be opened", self.server))
        })?;
        let ahead = self.context.now() - theirs;
        if ahead.abs() > CLOCKS_MAY_DIFFER {
            let (amount, way) = (
                (ahead.abs() + time::Duration::seconds(30)).whole_minutes(),
                if ahead.is_positive() { "ahead of" } else { "behind" },
            );
            return Err(Failure::new(
                Exit::Clock,
                format!(
                    "this computer's clock is {amount} minutes {way} the service's; set it right and run this again"
                ),
            ));
        }
        Ok(begun)
    }

    async fn by_browser(&mut self, wish: &Wish<'_>) -> Result<Vec<Entry>, Failure> {
        let context = self.context;
        if !browser::is_likely(&context.environment) && !context.is_watched {
            return Err(Failure::new(
                Exit::NotCompleted,
                "a sign-in is needed and no browser can be opened here; run `vestibule login --no-browser` in a terminal",
            ));
        }
        let callback = Callback::bind().await?;
        let begun = self.begin(Some(&callback.redirect_uri())).await?;
        let address = page_address(&begun, wish);
        let mut serving = callback.serve(&self.state);
        context.say(&format!("sign in with your browser; if none opens: {address}"));
        let number = shell_number(self.key.public_key().as_str(), &self.state);
        context.say(&format!("the page shows this number: {number}"));
        let arrived = tokio::select! {
            arrived = self.arrival(&mut serving) => arrived,
            failure = no_browser(context, &address) => Err(failure),
            () = tokio::time::sleep(PATIENCE) => Err(Failure::new(
                Exit::NotCompleted,
                "nobody has signed in for five minutes; run this again when you can",
            )),
        };
        let (arrived, tickets) = arrived?;
        let outcome = match tickets {
            Ok(tickets) => self.take_all(&tickets).await,
            Err(failure) => Err(failure),
        };
        // Only now: the page says what is true.
        arrived.show(match &outcome {
            Ok(_) => Shown::Done,
            Err(failure) if failure.exit == Exit::NotCompleted => Shown::Cancelled,
            Err(_) => Shown::Failed,
        });
        serving.finish().await;
        outcome
    }

    /// Waits for this login's own answer: tickets that its key opens, or the person's no.
    async fn arrival(
        &self,
        serving: &mut super::callback::Serving,
    ) -> Result<(Arrived, Result<Vec<String>, Failure>), Failure> {
        loop {
            let arrived = serving.next().await?;
            let tickets = match &arrived.outcome {
                Outcome::Error(error) if error == "access_denied" => Err(Failure::new(
                    Exit::NotCompleted,
                    "the sign-in was cancelled at the page; run this again if you want it",
                )),
                Outcome::Error(error) => {
                    Err(Failure::new(Exit::Refused, format!("the page refuses: {}", printable(error))))
                }
                Outcome::Tickets(sealed) => {
                    let opened: Option<Vec<String>> =
                        sealed.iter().map(|jwe| self.open_ticket(jwe)).collect();
                    match opened {
                        Some(tickets) => Ok(tickets),
                        None => {
                            arrived.show(Shown::NotExpected);
                            continue;
                        }
                    }
                }
            };
            return Ok((arrived, tickets));
        }
    }

    async fn by_pasting(&mut self, wish: &Wish<'_>) -> Result<Vec<Entry>, Failure> {
        let begun = self.begin(None).await?;
        let number = shell_number(self.key.public_key().as_str(), &self.state);
        let context = self.context;
        context.say(&format!("open this address where you have a browser: {}", page_address(&begun, wish)));
        context.say(&format!("the page asks for this number: {number}"));
        context.say("then paste the text that the page shows, and press Enter:");
        let mut lines = paste::lines();
        let waiting = async {
            loop {
                let line = lines.recv().await.ok_or_else(|| {
                    Failure::new(
                        Exit::NotCompleted,
                        "the input ended before a text was pasted; run this again",
                    )
                })??;
                match self.open_ticket(&line) {
                    Some(ticket) => return Ok(ticket),
                    None if line.is_empty() => {}
                    None => context
                        .say("this is not the text that the page shows for this sign-in; paste all of it:"),
                }
            }
        };
        let ticket = tokio::time::timeout(2 * PATIENCE, waiting).await.unwrap_or_else(|_| {
            Err(Failure::new(
                Exit::NotCompleted,
                "nothing was pasted for ten minutes; run this again when you can",
            ))
        })?;
        self.take_all(&[ticket]).await
    }

    fn open_ticket(&self, jwe: &str) -> Option<String> {
        let opened = jose::open(jwe, &self.key, &self.state)?;
        String::from_utf8(opened.to_vec()).ok()
    }

    /// Takes each; what was taken is kept, even if another is refused.
    async fn take_all(&self, tickets: &[String]) -> Result<Vec<Entry>, Failure> {
        let (mut entries, mut failures) = (Vec::new(), Vec::new());
        for ticket in tickets {
            match self.take(ticket).await {
                Ok(entry) => entries.push(entry),
                Err(failure) => failures.push(failure),
            }
        }
        if entries.is_empty() && !failures.is_empty() {
            return Err(failures.swap_remove(0));
        }
        for failure in failures {
            self.context.say(&failure.sentence);
        }
        Ok(entries)
    }

    async fn take(&self, ticket: &str) -> Result<Entry, Failure> {
        let jwe = remote::take(self.server, ticket).await?;
        let opened = jose::open(&jwe, &self.key, &self.state);
        let document = opened.and_then(|json| Document::read(&json)).ok_or_else(|| {
            Failure::new(
                Exit::Incompatible,
                format!(
                    "what {} handed over cannot be read: it is another version; update one of the two",
                    self.server
                ),
            )
        })?;
        let entry = Entry {
            server: self.server.as_str().to_owned(),
            role: document.role,
            account: document.account,
            user: document.user,
            expiration: document.credentials.expiration.clone(),
            region: self.region.clone(),
            state: self.state.clone(),
            key: self.key.public_key().as_str().to_owned(),
            key_place: self.key_place,
            jwe,
        };
        self.context.cache.store(&entry, &self.key)?;
        Ok(entry)
    }
}

/// Ends only if no browser opens and nobody reads the address.
async fn no_browser(context: &Context, address: &str) -> Failure {
    if !browser::open(&context.environment, address).await {
        if !context.is_watched {
            return Failure::new(
                Exit::NotCompleted,
                "no browser opens here; run `vestibule login` in a terminal, with --no-browser if it has none",
            );
        }
        context.say("no browser opens here; open the address yourself");
    }
    std::future::pending().await
}

/// Nothing in it is secret: the request is sealed by the service, to which it is meant.
fn page_address(begun: &Begun, wish: &Wish<'_>) -> String {
    let mut fragment = form_urlencoded::Serializer::new(String::new());
    fragment.append_pair("shell", &begun.request);
    for role in wish.roles {
        fragment.append_pair("role", role);
    }
    if let Some(idp) = wish.idp {
        fragment.append_pair("idp", idp);
    }
    format!("{}#{}", printable(&begun.page), fragment.finish())
}
