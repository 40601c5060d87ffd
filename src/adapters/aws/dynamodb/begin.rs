//! Step 5: what opens a login.

use super::call::{put as put_action, update};
use super::db::{CancellationItem, Db};
use super::schema::{
    Item, claim_expires, expires, handle, id, instant, instant_of, key, marker, text, text_of,
};
use super::sessions::exists;
use crate::broker::LoginId;
use crate::broker::ports::{BeginError, LoginStart, StoreUnavailable, UsedOnce};

/// How often `begin` starts again when another login gets the session id meanwhile.
const BEGIN_ATTEMPTS: usize = 5;

impl From<StoreUnavailable> for BeginError {
    fn from(_: StoreUnavailable) -> Self {
        Self::Unavailable
    }
}

/// A login whose time is over and that still has the session id.
struct Former {
    login: LoginId,
    waiting: bool,
}

/// Step 5: mark the assertion as used, reserve the session id, open the login, record it.
pub(super) async fn begin(db: &Db, start: &LoginStart) -> Result<(), BeginError> {
    let started = db.recorder.item(&start.event);
    let mut former = None;
    for _ in 0..BEGIN_ATTEMPTS {
        let refusals = match try_begin(db, start, &started, former.as_ref()).await? {
            Ok(()) => return Ok(()),
            Err(refusals) => refusals,
        };
        let refused = |action: usize| refusals.get(action).and_then(Option::as_ref);
        let ours = |item: &Item| text_of(item, "login_id") == Some(start.login.as_str());
        if refused(MARKER).is_some() || refused(STARTED).is_some() || refused(CLAIM).is_some_and(ours) {
            return Ok(());
        }
        if refused(CLAIM).is_some() {
            return Err(BeginError::Replayed);
        }
        if message(start).request.is_some() && refused(REQUEST).is_some() {
            return Err(taken(db, start, BeginError::RequestAnswered).await?);
        }
        former = match refused(SESSION).filter(|item| !item.is_empty()) {
            None => None,
            Some(holder) if instant_of(holder, "ends_at").is_none_or(|end| end > start.event.at) => {
                return Err(taken(db, start, BeginError::SessionTaken).await?);
            }
            Some(holder) => Some(Former {
                login: LoginId::from_stored(text_of(holder, "login_id").unwrap_or_default().to_owned()),
                waiting: text_of(holder, "phase") == Some("waiting"),
            }),
        };
    }
    tracing::warn!("a session id changed hands too often; this login gives up");
    Err(BeginError::Unavailable)
}

/// The actions of [`try_begin`], as DynamoDB numbers its reasons.
const CLAIM: usize = 0;
const SESSION: usize = 1;
const MARKER: usize = 2;
const STARTED: usize = 3;
/// Only where the assertion answers a request of ours.
const REQUEST: usize = 4;

async fn try_begin(
    db: &Db,
    start: &LoginStart,
    started: &Item,
    former: Option<&Former>,
) -> Result<Result<(), Vec<CancellationItem>>, StoreUnavailable> {
    let tables = &db.tables;
    let ends_at = start.reservation_ends;
    let claim = |claim: &UsedOnce| {
        let item = Item::from([
            ("handle".to_owned(), handle(&claim.handle)),
            ("login_id".to_owned(), id(&start.login)),
            ("ends_at".to_owned(), instant(claim.not_on_or_after)),
            ("expires".to_owned(), claim_expires(claim.not_on_or_after)),
        ]);
        put_action(&tables.claims, item, "attribute_not_exists(handle)", Item::new())
    };
    let reservation = Item::from([
        ("identityhash".to_owned(), handle(&start.session)),
        ("phase".to_owned(), text("reserved")),
        ("login_id".to_owned(), id(&start.login)),
        ("ends_at".to_owned(), instant(ends_at)),
        ("expires".to_owned(), expires(ends_at)),
    ]);
    let open = Item::from([
        ("identityhash".to_owned(), marker(&start.login)),
        ("phase".to_owned(), text("started")),
        ("login_id".to_owned(), id(&start.login)),
        ("session_handle".to_owned(), handle(&start.session)),
        ("ends_at".to_owned(), instant(ends_at)),
    ]);
    let (free, values) = match former {
        None => ("attribute_not_exists(identityhash)", Item::new()),
        Some(former) => (
            "login_id = :former AND ends_at <= :now",
            Item::from([
                (":former".to_owned(), id(&former.login)),
                (":now".to_owned(), instant(start.event.at)),
            ]),
        ),
    };
    let mut actions = vec![
        claim(&message(start).assertion),
        put_action(&tables.sessions, reservation, free, values),
        put_action(&tables.sessions, open, "attribute_not_exists(identityhash)", Item::new()),
        put_action(&tables.audit, started.clone(), "attribute_not_exists(login_id)", Item::new()),
    ];
    actions.extend(message(start).request.as_ref().map(claim));
    if let Some(former) = former.filter(|former| former.waiting) {
        // Or the sweeper would find its session gone and report it as taken.
        actions.push(update(
            &tables.sessions,
            key("identityhash", marker(&former.login)),
            "SET phase = :replaced",
            "phase = :issued",
            Item::from([(":replaced".to_owned(), text("replaced")), (":issued".to_owned(), text("issued"))]),
        ));
    }
    let former = former.map_or("", |former| former.login.as_str());
    db.transact(&db.token(&start.login, "begin", started, former), actions).await
}

/// Why `begin` is refused, if not for this reason. A used assertion, and then an
/// answered request, take precedence, and DynamoDB does not promise to evaluate
/// every condition of a refused transaction.
async fn taken(db: &Db, start: &LoginStart, otherwise: BeginError) -> Result<BeginError, StoreUnavailable> {
    for (claim, refusal) in [
        (Some(&message(start).assertion), BeginError::Replayed),
        (message(start).request.as_ref(), BeginError::RequestAnswered),
    ] {
        let Some(claim) = claim.filter(|_| refusal != otherwise) else { continue };
        if exists(db, &db.tables.claims, key("handle", handle(&claim.handle))).await? {
            return Ok(refusal);
        }
    }
    Ok(otherwise)
}

fn message(start: &LoginStart) -> &crate::broker::ports::UsedMessage {
    match &start.basis {
        crate::broker::ports::Basis::Message(message) => message,
        crate::broker::ports::Basis::Choice { .. } => unreachable!(),
    }
}
