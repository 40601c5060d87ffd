//! How many requests are worked on at once, and how many of one client.
//!
//! A body is read before its request takes a slot: a slow client holds none. A quarter
//! of the slots is reserved for redeeming, so that neither logins nor junk can keep
//! people from credentials that already wait. What one client may do is bounded by
//! requests in progress and by requests a minute (its own bucket for posts).
//!
//! Limits per client hold on our own listener, where a client is known by its address.
//! Behind API Gateway, that one throttles.

use super::client::Client;
use super::connections::Working;
use super::context::Context;
use super::error::Error;
use super::settings::HttpSettings;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::Method;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Beyond this many clients those whose bucket is full again are forgotten.
const CLIENTS_REMEMBERED: usize = 16_384;

/// How often that is looked at: it costs a walk over all of them.
const CHECKS_BETWEEN: u64 = 4_096;

/// What a request may take a slot of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Takes credentials, or says whether they may be taken: the reserved slots, and the others.
    Redeem,
    /// Everything else that works: the others only.
    Other,
}

/// A limit, as metrics name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `max_concurrent_requests`
    Slots,
    /// `max_requests_per_client`
    RequestsPerClient,
    /// `max_posts_per_minute`, for posts
    PostsPerMinute,
    /// `max_posts_per_minute`, for starts and takes
    TakesPerMinute,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Slots, Self::RequestsPerClient, Self::PostsPerMinute, Self::TakesPerMinute];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slots => "slots",
            Self::RequestsPerClient => "requests_per_client",
            Self::PostsPerMinute => "posts_per_minute",
            Self::TakesPerMinute => "takes_per_minute",
        }
    }
}

/// Slots and limits of one service.
pub(super) struct Admission {
    reserved: Slots,
    shared: Slots,
    max_requests_per_client: usize,
    in_progress: Mutex<HashMap<Client, usize>>,
    posts: Bucket,
    takes: Bucket,
    refused: [AtomicU64; Limit::ALL.len()],
}

struct Slots {
    free: Arc<Semaphore>,
    total: usize,
}

/// Slots in use, and all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotFigures {
    /// `redeem` (reserved) or `shared`.
    pub class: &'static str,
    /// Taken now.
    pub in_use: usize,
    /// All of them.
    pub total: usize,
}

/// A slot, until it is dropped.
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    _working: Option<Working>,
}

impl Admission {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        let all = settings.max_concurrent_requests;
        // At least one of each, where there are two.
        let reserved = (all / 4).max(usize::from(all > 1));
        let quota = u32::try_from(settings.max_posts_per_minute).unwrap_or(u32::MAX);
        let quota = NonZeroU32::new(quota).unwrap_or(NonZeroU32::MIN);
        Self {
            reserved: Slots::new(reserved),
            shared: Slots::new(all - reserved),
            max_requests_per_client: settings.max_requests_per_client,
            in_progress: Mutex::default(),
            posts: Bucket::new(quota),
            takes: Bucket::new(quota),
            refused: Default::default(),
        }
    }

    /// A slot to work in; the connection, if it is ours, does not give way meanwhile.
    pub(super) fn slot(&self, class: Class, context: &Context) -> Result<Slot, Error> {
        let reserved = match class {
            Class::Redeem => self.reserved.take(),
            Class::Other => None,
        };
        let Some(permit) = reserved.or_else(|| self.shared.take()) else {
            self.count(Limit::Slots);
            return Err(Error::Busy);
        };
        let working = match &context.connection {
            Some(connection) => Some(connection.work().ok_or(Error::Busy)?),
            None => None,
        };
        Ok(Slot { _permit: permit, _working: working })
    }

    /// Waits until no slot is taken.
    pub(super) async fn idle(&self) {
        let all = |slots: &Slots| u32::try_from(slots.total).unwrap_or(u32::MAX);
        // Both at the end; it fails only on a closed semaphore, and these are never closed.
        let _shared = self.shared.free.acquire_many(all(&self.shared)).await;
        let _reserved = self.reserved.free.acquire_many(all(&self.reserved)).await;
    }

    /// For the operator.
    pub(super) fn slots(&self) -> [SlotFigures; 2] {
        [("redeem", &self.reserved), ("shared", &self.shared)].map(|(class, slots)| SlotFigures {
            class,
            in_use: slots.total.saturating_sub(slots.free.available_permits()),
            total: slots.total,
        })
    }

    /// How many requests each limit has refused.
    pub(super) fn refused(&self) -> [(Limit, u64); Limit::ALL.len()] {
        Limit::ALL.map(|limit| (limit, self.counter(limit).load(Ordering::Relaxed)))
    }

    /// Whether this client may make one more such request, before its body is read.
    pub(super) fn admit(&self, client: Client, method: &Method) -> Result<InProgress<'_>, Error> {
        let (bucket, limit) = match *method {
            Method::POST => (&self.posts, Limit::PostsPerMinute),
            _ => (&self.takes, Limit::TakesPerMinute),
        };
        if let Err(retry_after) = bucket.check(client) {
            self.count(limit);
            return Err(Error::TooManyRequests { retry_after });
        }
        self.begin(client).ok_or_else(|| {
            self.count(Limit::RequestsPerClient);
            Error::TooManyRequests { retry_after: 1 }
        })
    }

    fn begin(&self, client: Client) -> Option<InProgress<'_>> {
        let mut in_progress = self.in_progress.lock().unwrap_or_else(PoisonError::into_inner);
        let count = in_progress.entry(client).or_default();
        if *count >= self.max_requests_per_client {
            return None;
        }
        *count += 1;
        Some(InProgress { admission: self, client })
    }

    fn count(&self, limit: Limit) {
        self.counter(limit).fetch_add(1, Ordering::Relaxed);
    }

    fn counter(&self, limit: Limit) -> &AtomicU64 {
        let [slots, requests, posts, takes] = &self.refused;
        match limit {
            Limit::Slots => slots,
            Limit::RequestsPerClient => requests,
            Limit::PostsPerMinute => posts,
            Limit::TakesPerMinute => takes,
        }
    }
}

impl Slots {
    fn new(total: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(total)), total }
    }
    fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().try_acquire_owned().ok()
    }
}

/// A request of a client, until it is answered.
pub(super) struct InProgress<'a> {
    admission: &'a Admission,
    client: Client,
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        let mut in_progress = self.admission.in_progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = in_progress.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                in_progress.remove(&self.client);
            }
        }
    }
}

/// Requests a minute, of each client.
struct Bucket {
    limiter: RateLimiter<Client, DashMapStateStore<Client>, DefaultClock>,
    clock: DefaultClock,
    checks: AtomicU64,
}

impl Bucket {
    /// A quarter of a minute's requests may come at once: people sign in by the full hour.
    fn new(a_minute: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(a_minute.get() / 4).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(a_minute).allow_burst(burst);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default(), checks: AtomicU64::new(0) }
    }

    /// Seconds until there is room again, if there is none.
    fn check(&self, client: Client) -> Result<(), u32> {
        let checks = self.checks.fetch_add(1, Ordering::Relaxed);
        if checks.is_multiple_of(CHECKS_BETWEEN) && self.limiter.len() > CLIENTS_REMEMBERED {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&client).map_err(|not_yet| {
            let wait = not_yet.wait_time_from(self.clock.now()).as_secs_f64().ceil();
            // At least a second, and a minute at most: the quota is per minute.
            wait.clamp(1.0, 60.0) as u32
        })
    }
}
