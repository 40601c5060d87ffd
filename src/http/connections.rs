//! The open connections of one listener, and which of them gives way.
//!
//! A connection *works* while its request holds a slot; else it *waits for its client*:
//! for a head, for a body, or for an answer to be read. Only the latter can be
//! prolonged by a client at no cost, so only such connections give way, and those of the
//! client that has the most come first. A client with few connections that does not
//! dawdle is never among them.

use super::client::Client;
use super::client_ip::is_trusted;
use crate::config::Network;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The limits of one listener.
#[derive(Debug, Clone)]
pub struct ServeLimits {
    /// Open connections.
    pub max_connections: usize,
    /// Open connections of one client: an IPv4 address, or an IPv6 /64.
    pub max_connections_per_client: usize,
    /// Proxies: they hold connections for many clients, so the limit above is not for them.
    pub proxies: Vec<Network>,
    /// The time limit for receiving a request's head, and for an idle connection.
    pub header_timeout: Duration,
    /// How long an answer may make no progress.
    pub write_timeout: Duration,
    /// After this a connection takes no further request.
    pub max_age: Duration,
    /// How long a connection that waits for its client may still take once the listener stops.
    pub stop_patience: Duration,
    /// The time limit for running requests once the shutdown has begun.
    pub grace: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            max_connections: 1_024,
            max_connections_per_client: 256,
            proxies: Vec::new(),
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            max_age: Duration::from_secs(300),
            stop_patience: Duration::from_secs(2),
            // Above what a login may take at most (20 s). A stop takes it twice at most,
            // which deploy/'s unit and task allow for.
            grace: Duration::from_secs(25),
        }
    }
}

/// The open connections of one listener.
#[derive(Debug)]
pub struct Connections {
    limits: ServeLimits,
    table: Mutex<Table>,
}

/// Figures for the operator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionFigures {
    /// Open now.
    pub open: usize,
    /// That gave way to a newer one.
    pub gave_way: u64,
    /// That were refused, because every other one was working.
    pub refused: u64,
}

/// One open connection; an extension of each of its requests.
#[derive(Debug)]
pub(super) struct Connection {
    id: u64,
    client: Option<Client>,
    state: Mutex<State>,
    /// Told to end at once.
    pub(super) ended: Notify,
}

#[derive(Debug, Clone, Copy)]
enum State {
    WaitsForClient {
        since: Instant,
    },
    Works,
    /// It gave way: what its request wanted is not begun any more.
    Ended,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// This client has as many as one may have, and all of them work.
    Client,
    /// As many as there may be are open, and all of them work.
    Listener,
}

#[derive(Debug, Default)]
struct Table {
    next_id: u64,
    /// By client, and under `None` those of proxies; within, in the order of their coming.
    open: HashMap<Option<Client>, BTreeMap<u64, Arc<Connection>>>,
    figures: ConnectionFigures,
}

impl Connections {
    /// None yet.
    pub fn new(limits: ServeLimits) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default() })
    }

    /// Its limits.
    pub fn limits(&self) -> &ServeLimits {
        &self.limits
    }

    /// For the operator.
    pub fn figures(&self) -> ConnectionFigures {
        self.lock().figures
    }

    /// Takes a new connection; another one may have to end for it.
    pub(super) fn open(&self, peer: SocketAddr, now: Instant) -> Result<Arc<Connection>, Full> {
        let client = self.client(peer.ip());
        let mut table = self.lock();
        let of_client = table.open.get(&client).map_or(0, BTreeMap::len);
        let (who, full) = if client.is_some() && of_client >= self.limits.max_connections_per_client {
            (Some(client), Full::Client)
        } else if table.figures.open >= self.limits.max_connections {
            (None, Full::Listener)
        } else {
            return Ok(table.insert(client, now));
        };
        // One that has begun to work since it was chosen stays, and the next one is asked.
        while let Some(gives_way) = table.gives_way(who) {
            if gives_way.end() {
                table.remove(&gives_way);
                table.figures.gave_way += 1;
                return Ok(table.insert(client, now));
            }
        }
        table.figures.refused += 1;
        Err(full)
    }

    /// It has ended, by itself or because it was told to.
    pub(super) fn close(&self, connection: &Connection) {
        self.lock().remove(connection);
    }

    fn client(&self, peer: IpAddr) -> Option<Client> {
        (!is_trusted(peer, &self.limits.proxies)).then(|| Client::of(peer))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, client: Option<Client>, now: Instant) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            id: self.next_id,
            client,
            state: Mutex::new(State::WaitsForClient { since: now }),
            ended: Notify::new(),
        });
        self.next_id += 1;
        self.open.entry(client).or_default().insert(connection.id, Arc::clone(&connection));
        self.figures.open += 1;
        connection
    }

    fn remove(&mut self, connection: &Connection) {
        let Some(of_client) = self.open.get_mut(&connection.client) else { return };
        if of_client.remove(&connection.id).is_some() {
            self.figures.open -= 1;
        }
        if of_client.is_empty() {
            self.open.remove(&connection.client);
        }
    }

    /// Of this client, or of the one with the most connections: the one that has waited
    /// the longest. `None`: all of them work.
    fn gives_way(&self, who: Option<Option<Client>>) -> Option<Arc<Connection>> {
        let longest = |of_client: &BTreeMap<u64, Arc<Connection>>| {
            of_client
                .values()
                .filter_map(|c| Some((c.waits_since()?, Arc::clone(c))))
                .min_by_key(|(since, _)| *since)
        };
        if let Some(client) = who {
            return longest(self.open.get(&client)?).map(|(_, connection)| connection);
        }
        // Among clients with equally many, the one that makes us wait the longest.
        let candidates =
            self.open.values().filter_map(|of_client| Some((of_client.len(), longest(of_client)?)));
        candidates
            .max_by_key(|(count, (since, _))| (*count, std::cmp::Reverse(*since)))
            .map(|(_, (_, connection))| connection)
    }
}

impl Connection {
    /// Marks it as working until the guard is dropped. `None`: it gave way to another, and
    /// an assertion would be used up for a client that gets no answer.
    pub(super) fn work(self: &Arc<Self>) -> Option<Working> {
        let mut state = self.lock();
        if matches!(*state, State::Ended) {
            return None;
        }
        *state = State::Works;
        drop(state);
        Some(Working(Arc::clone(self)))
    }

    /// From now on it waits for its client.
    pub(super) fn wait_for_client(&self) {
        let mut state = self.lock();
        if !matches!(*state, State::Ended) {
            *state = State::WaitsForClient { since: Instant::now() };
        }
    }

    /// Ends it, unless it works.
    fn end(&self) -> bool {
        let mut state = self.lock();
        if matches!(*state, State::Works) {
            return false;
        }
        *state = State::Ended;
        self.ended.notify_one();
        true
    }

    /// Since when it waits for its client, if it does.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        match *self.lock() {
            State::WaitsForClient { since } => Some(since),
            State::Works | State::Ended => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request of the connection holds a slot.
#[derive(Debug)]
pub(super) struct Working(Arc<Connection>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.wait_for_client();
    }
}

#[cfg(test)]
mod tests;
