//! Who gives way.

use super::*;

fn table(max_connections: usize, max_connections_per_client: usize) -> Arc<Connections> {
    let proxies = vec![Network { address: "10.0.0.0".parse().unwrap(), prefix: 8 }];
    Connections::new(ServeLimits {
        max_connections,
        max_connections_per_client,
        proxies,
        ..Default::default()
    })
}

fn peer(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 1)
}

struct Opener(Arc<Connections>, Instant);

impl Opener {
    /// Opens one, a second after the one before.
    fn open(&mut self, address: &str) -> Result<Arc<Connection>, Full> {
        self.1 += Duration::from_secs(1);
        self.0.open(peer(address), self.1)
    }
    fn is_open(&self, connection: &Connection) -> bool {
        let table = self.0.lock();
        table.open.get(&connection.client).is_some_and(|of_client| of_client.contains_key(&connection.id))
    }
}

#[test]
fn the_client_with_the_most_gives_way_and_its_longest_waiting_first() {
    let mut opener = Opener(table(4, 4), Instant::now());
    let honest = opener.open("192.0.2.1").unwrap();
    let hostile: Vec<_> = (0..3).map(|_| opener.open("192.0.2.66").unwrap()).collect();
    let newer = opener.open("192.0.2.2").unwrap();
    assert!(opener.is_open(&honest) && opener.is_open(&newer));
    assert!(!opener.is_open(&hostile[0]) && opener.is_open(&hostile[1]) && opener.is_open(&hostile[2]));
    assert_eq!(opener.0.figures(), ConnectionFigures { open: 4, gave_way: 1, refused: 0 });
}

#[test]
fn what_works_does_not_give_way() {
    let mut opener = Opener(table(2, 2), Instant::now());
    let (one, other) = (opener.open("192.0.2.66").unwrap(), opener.open("192.0.2.66").unwrap());
    let (working, _other_working) = (one.work().unwrap(), other.work().unwrap());
    assert_eq!(opener.open("192.0.2.1").unwrap_err(), Full::Listener);
    assert_eq!(opener.open("192.0.2.66").unwrap_err(), Full::Client);
    drop(working);
    assert!(opener.open("192.0.2.1").is_ok());
    assert!(!opener.is_open(&one) && opener.is_open(&other));
    assert_eq!(opener.0.figures(), ConnectionFigures { open: 2, gave_way: 1, refused: 2 });
}

/// Otherwise its login would use up the assertion, and nobody would get the ticket.
#[test]
fn what_gave_way_does_not_begin_to_work() {
    let mut opener = Opener(table(1, 1), Instant::now());
    let first = opener.open("192.0.2.1").unwrap();
    opener.open("192.0.2.2").unwrap();
    assert!(first.work().is_none());
    first.wait_for_client();
    assert!(first.work().is_none(), "for good");
}

#[test]
fn a_client_s_limit_costs_that_client_only() {
    let mut opener = Opener(table(100, 2), Instant::now());
    let honest = opener.open("2001:db8:0:2::1").unwrap();
    let first = opener.open("2001:db8:0:1::1").unwrap();
    opener.open("2001:db8:0:1::2").unwrap();
    opener.open("2001:db8:0:1::3").unwrap();
    assert!(!opener.is_open(&first), "a /64 is one client");
    assert!(opener.is_open(&honest));
    assert_eq!(opener.0.figures().open, 3);
}

#[test]
fn a_proxy_may_have_all_of_them() {
    let mut opener = Opener(table(100, 2), Instant::now());
    let held: Vec<_> = (0..50).map(|n| opener.open(&format!("10.0.0.{}", n % 2)).unwrap()).collect();
    assert!(held.iter().all(|connection| opener.is_open(connection)));
}

#[test]
fn ending_twice_counts_once() {
    let mut opener = Opener(table(1, 1), Instant::now());
    let first = opener.open("192.0.2.1").unwrap();
    let second = opener.open("192.0.2.2").unwrap();
    opener.0.close(&first);
    opener.0.close(&first);
    assert_eq!(opener.0.figures().open, 1);
    opener.0.close(&second);
    assert_eq!(opener.0.figures().open, 0);
    assert!(opener.0.lock().open.is_empty(), "nothing is kept of who has gone");
}
