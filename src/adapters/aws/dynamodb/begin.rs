//! What opens a login: step 5, a choice, and a part of one.

use super::call::{Action, check, put as put_action, unavailable, update};
use super::db::{CancellationItem, Db};
use super::event::{key_of, step};
use super::schema::{
    Item, claim_expires, expires, handle, id, instant, instant_of, key, marker, text, text_of,
};
use super::sessions::exists;
use crate::broker::ports::{
    Basis, BeginError, ChoiceStart, Held, LoginStart, StoreUnavailable, UsedMessage, UsedOnce,
};
use crate::broker::{EventKind, Handle, Jti, LoginId, Sealed, SealedSession};
use aws_sdk_dynamodb::types::AttributeValue;
use time::OffsetDateTime;

/// How often a login starts again when another one gets the session id meanwhile.
const BEGIN_ATTEMPTS: usize = 5;

impl From<StoreUnavailable> for BeginError {
    fn from(_: StoreUnavailable) -> Self {
        Self::Unavailable
    }
}

/// A login as it is opened, whatever by.
struct Opening<'a> {
    login: &'a LoginId,
    session: &'a Handle,
    /// Beside those that every item at a session's handle has.
    holder: Item,
    /// Beside those that every marker has.
    marker: Item,
    /// Of the session item and of the marker.
    phase: &'static str,
    marker_phase: &'static str,
    ends_at: OffsetDateTime,
    now: OffsetDateTime,
    /// The event that opens it.
    opened: Item,
    step: &'static str,
}

/// What is asked for beside the session id.
enum On<'a> {
    Message(&'a UsedMessage),
    Choice { session: &'a Handle, login: &'a LoginId, accept_issued_from: Option<OffsetDateTime> },
}

/// A login whose time is over and that still has the session id.
struct Former {
    login: LoginId,
    phase: String,
}

/// Step 5: mark the assertion as used, or ask that the choice waits; reserve the session id,
/// open the login, record it. `from`: no choice of an assertion that was issued before.
pub(super) async fn begin(
    db: &Db,
    start: &LoginStart,
    from: Option<OffsetDateTime>,
) -> Result<(), BeginError> {
    let opening = Opening {
        login: &start.login,
        session: &start.session,
        holder: Item::new(),
        marker: Item::new(),
        phase: "reserved",
        marker_phase: "started",
        ends_at: start.reservation_ends,
        now: start.event.at,
        opened: db.recorder.item(&start.event),
        step: "begin",
    };
    let on = match &start.basis {
        Basis::Message(message) => On::Message(message),
        Basis::Choice { session, login } => On::Choice { session, login, accept_issued_from: from },
    };
    open(db, &opening, &on).await
}

/// The same for several roles: what waits is the choice.
pub(super) async fn open_choice(db: &Db, start: &ChoiceStart) -> Result<(), BeginError> {
    let choice = &start.choice;
    let opening = Opening {
        login: choice.login(),
        session: choice.session(),
        holder: Item::from([
            ("jti".to_owned(), text(choice.jti().as_str())),
            ("sealed".to_owned(), AttributeValue::B(choice.sealed().as_bytes().into())),
        ]),
        marker: Item::from([("issued_at".to_owned(), instant(start.message.issued_at))]),
        phase: "choosing",
        marker_phase: "choosing",
        ends_at: choice.expires_at(),
        now: start.event.at,
        opened: db.recorder.item(&start.event),
        step: "choice",
    };
    open(db, &opening, &On::Message(&start.message)).await
}

async fn open(db: &Db, opening: &Opening<'_>, on: &On<'_>) -> Result<(), BeginError> {
    let mut former = None;
    for _ in 0..BEGIN_ATTEMPTS {
        let refusals = match try_open(db, opening, on, former.as_ref()).await? {
            Ok(()) => return Ok(()),
            Err(refusals) => refusals,
        };
        let refused = |action: usize| refusals.get(action).and_then(Option::as_ref);
        let ours = |item: &Item| text_of(item, "login_id") == Some(opening.login.as_str());
        if refused(MARKER).is_some() || refused(OPENED).is_some() || refused(BASIS).is_some_and(ours) {
            return Ok(());
        }
        match on {
            On::Message(_) if refused(BASIS).is_some() => return Err(BeginError::Replayed),
            On::Message(message) if message.request.is_some() && refused(REQUEST).is_some() => {
                return Err(used(db, message, BeginError::RequestAnswered).await?);
            }
            On::Choice { .. } if refused(BASIS).is_some() => return over(db, opening, on, None).await,
            On::Message(_) | On::Choice { .. } => {}
        }
        former = match refused(SESSION).filter(|item| !item.is_empty()) {
            None => None,
            Some(holder) if instant_of(holder, "ends_at").is_none_or(|end| end > opening.now) => {
                return match on {
                    On::Message(message) => Err(used(db, message, BeginError::SessionTaken).await?),
                    On::Choice { .. } => over(db, opening, on, Some(BeginError::SessionTaken)).await,
                };
            }
            Some(holder) => Some(Former {
                login: LoginId::from_stored(text_of(holder, "login_id").unwrap_or_default().to_owned()),
                phase: text_of(holder, "phase").unwrap_or_default().to_owned(),
            }),
        };
    }
    tracing::warn!("a session id changed hands too often; this login gives up");
    Err(BeginError::Unavailable)
}

/// The actions of [`try_open`], as DynamoDB numbers its reasons. The first is the claim on the
/// assertion, or the check of the choice.
const BASIS: usize = 0;
const SESSION: usize = 1;
const MARKER: usize = 2;
const OPENED: usize = 3;
/// Only where the assertion answers a request of ours.
const REQUEST: usize = 4;

async fn try_open(
    db: &Db,
    opening: &Opening<'_>,
    on: &On<'_>,
    former: Option<&Former>,
) -> Result<Result<(), Vec<CancellationItem>>, StoreUnavailable> {
    let sessions = &db.tables.sessions;
    let (login, ends_at) = (opening.login, opening.ends_at);
    let mut holder = Item::from([
        ("identityhash".to_owned(), handle(opening.session)),
        ("phase".to_owned(), text(opening.phase)),
        ("login_id".to_owned(), id(login)),
        ("ends_at".to_owned(), instant(ends_at)),
        ("expires".to_owned(), expires(ends_at)),
    ]);
    holder.extend(opening.holder.clone());
    let mut open = Item::from([
        ("identityhash".to_owned(), marker(login)),
        ("phase".to_owned(), text(opening.marker_phase)),
        ("login_id".to_owned(), id(login)),
        ("session_handle".to_owned(), handle(opening.session)),
        ("ends_at".to_owned(), instant(ends_at)),
    ]);
    open.extend(opening.marker.clone());
    let (free, values) = match former {
        None => ("attribute_not_exists(identityhash)", Item::new()),
        Some(former) => (
            "login_id = :former AND ends_at <= :now",
            Item::from([
                (":former".to_owned(), id(&former.login)),
                (":now".to_owned(), instant(opening.now)),
            ]),
        ),
    };
    let (basis, request) = match on {
        On::Message(message) => {
            (claim(db, login, &message.assertion), message.request.as_ref().map(|it| claim(db, login, it)))
        }
        On::Choice { session, login, accept_issued_from } => {
            (waits(db, session, login, opening.now, *accept_issued_from), None)
        }
    };
    let mut actions = vec![
        basis,
        put_action(sessions, holder, free, values),
        put_action(sessions, open, "attribute_not_exists(identityhash)", Item::new()),
        put_action(&db.tables.audit, opening.opened.clone(), "attribute_not_exists(login_id)", Item::new()),
    ];
    actions.extend(request);
    actions.extend(former.and_then(|former| displaced(db, former)));
    let former = former.map_or("", |former| former.login.as_str());
    db.transact(&db.token(login, opening.step, &opening.opened, former), actions).await
}

fn claim(db: &Db, login: &LoginId, once: &UsedOnce) -> Action {
    let item = Item::from([
        ("handle".to_owned(), handle(&once.handle)),
        ("login_id".to_owned(), id(login)),
        ("ends_at".to_owned(), instant(once.not_on_or_after)),
        ("expires".to_owned(), claim_expires(once.not_on_or_after)),
    ]);
    put_action(&db.tables.claims, item, "attribute_not_exists(handle)", Item::new())
}

/// Asks it of the choice's marker, which is there as long as the choice is: a check is paid for
/// as a write of the item would be, and the choice has the whole response in it.
fn waits(
    db: &Db,
    session: &Handle,
    login: &LoginId,
    now: OffsetDateTime,
    accept_issued_from: Option<OffsetDateTime>,
) -> Action {
    let mut values = Item::from([
        (":choosing".to_owned(), text("choosing")),
        (":session".to_owned(), handle(session)),
        (":now".to_owned(), instant(now)),
    ]);
    let mut condition = "phase = :choosing AND session_handle = :session AND ends_at > :now".to_owned();
    if let Some(from) = accept_issued_from {
        condition.push_str(" AND issued_at >= :from");
        values.insert(":from".to_owned(), instant(from));
    }
    check(&db.tables.sessions, key("identityhash", marker(login)), &condition, values)
}

/// What the marker of a former holder says from now on, so that the sweeper does not take its
/// session for taken, and no part of its choice begins, whatever a clock says.
fn displaced(db: &Db, former: &Former) -> Option<Action> {
    let (from, to) = match former.phase.as_str() {
        "waiting" => ("issued", "replaced"),
        "choosing" => ("choosing", "over"),
        _ => return None,
    };
    Some(update(
        &db.tables.sessions,
        key("identityhash", marker(&former.login)),
        "SET phase = :to",
        "phase = :from",
        Item::from([(":to".to_owned(), text(to)), (":from".to_owned(), text(from))]),
    ))
}

/// Why a login is refused, if not for this reason. A used assertion, and then an
/// answered request, take precedence, and DynamoDB does not promise to evaluate
/// every condition of a refused transaction.
async fn used(db: &Db, message: &UsedMessage, otherwise: BeginError) -> Result<BeginError, StoreUnavailable> {
    for (claim, refusal) in [
        (Some(&message.assertion), BeginError::Replayed),
        (message.request.as_ref(), BeginError::RequestAnswered),
    ] {
        let Some(claim) = claim.filter(|_| refusal != otherwise) else { continue };
        if exists(db, &db.tables.claims, key("handle", handle(&claim.handle))).await? {
            return Ok(refusal);
        }
    }
    Ok(otherwise)
}

/// The same for a part of a choice: it may have begun before, and no claim says so.
async fn over(
    db: &Db,
    opening: &Opening<'_>,
    on: &On<'_>,
    otherwise: Option<BeginError>,
) -> Result<(), BeginError> {
    let On::Choice { session, login, accept_issued_from } = on else { return Err(BeginError::Unavailable) };
    if exists(db, &db.tables.audit, key_of(opening.login, step(EventKind::Started))).await? {
        return Ok(());
    }
    let choice = read(db, key("identityhash", marker(login))).await?.filter(|choice| {
        text_of(choice, "phase") == Some("choosing")
            && text_of(choice, "session_handle") == Some(session.as_str())
            && instant_of(choice, "ends_at").is_some_and(|end| end > opening.now)
    });
    let Some(choice) = choice else { return Err(BeginError::ChoiceOver) };
    let before = accept_issued_from
        .is_some_and(|from| instant_of(&choice, "issued_at").is_none_or(|issued_at| issued_at < from));
    Err(if before { BeginError::IssuedBeforeRestore } else { otherwise.unwrap_or(BeginError::Unavailable) })
}

async fn read(db: &Db, key: Item) -> Result<Option<Item>, StoreUnavailable> {
    let get = db.client.get_item().table_name(&db.tables.sessions).set_key(Some(key)).consistent_read(true);
    get.send().await.map(|found| found.item).map_err(|e| unavailable("GetItem", &e))
}

/// What holds the session id.
pub(super) async fn look(
    db: &Db,
    session: &Handle,
    now: OffsetDateTime,
) -> Result<Option<Held>, StoreUnavailable> {
    let Some(item) = read(db, key("identityhash", handle(session))).await? else { return Ok(None) };
    let held = held(session, &item).ok_or_else(|| {
        tracing::error!("an item of the sessions' table is no session");
        StoreUnavailable
    })?;
    Ok(instant_of(&item, "ends_at").is_some_and(|end| end > now).then_some(held))
}

fn held(session: &Handle, item: &Item) -> Option<Held> {
    let phase = text_of(item, "phase")?;
    if phase == "reserved" {
        return Some(Held::Reserved);
    }
    let login = LoginId::from_stored(text_of(item, "login_id")?.to_owned());
    let jti = Jti::from_stored(text_of(item, "jti")?.to_owned());
    let ends_at = instant_of(item, "ends_at")?;
    match phase {
        "waiting" => Some(Held::Waiting { login, jti, ends_at }),
        "choosing" => {
            let sealed = Sealed::from_ciphertext(item.get("sealed")?.as_b().ok()?.as_ref().to_vec());
            Some(Held::Choice(SealedSession::new(login, session.clone(), jti, sealed, ends_at)))
        }
        _ => None,
    }
}
