//! The server under attack, and how to reach it from several addresses.

use super::support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server, Setup};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use std::cell::RefCell;
use std::io::PipeWriter;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// systemd's and Docker's default; 127.0.0.1 to 127.0.0.8 hold 125 connections each.
const SOFT_LIMIT: u64 = 1_024;

pub const HONEST: u8 = 10;
pub const ATTACKERS: std::ops::RangeInclusive<u8> = 2..=9;

/// A server with these lines more in `[server]`, started with the common soft limit of
/// descriptors.
pub fn start(more: &str) -> Server {
    start_writing_into(more, None)
}

/// The same with its output in this pipe.
pub fn start_writing_into(more: &str, output: Option<PipeWriter>) -> Server {
    start_setup(output.into_iter().fold(setup(more), Setup::output))
}

/// The same, started by another program.
pub fn start_through(more: &str, words: &[&str]) -> Server {
    start_setup(setup(more).through(words))
}

fn setup(more: &str) -> Setup {
    let config = format!("{}{ADFS}", EMBEDDED.replace("[sts]", &format!("{more}\n\n[sts]")));
    Server::setup(&config).file("idp.xml", ADFS_METADATA)
}

fn start_setup(setup: Setup) -> Server {
    one_test_at_a_time();
    let ours = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(SOFT_LIMIT), maximum: ours.maximum }).unwrap();
    let server = setup.start();
    // The attackers need more.
    setrlimit(Resource::Nofile, Rlimit { current: ours.maximum, maximum: ours.maximum }).unwrap();
    server
}

/// Waits until no other test of this target runs, until this one's thread ends: the limit
/// is the whole process's, and attacks would disturb each other's figures.
fn one_test_at_a_time() {
    static ONE: Mutex<()> = Mutex::new(());
    thread_local! {
        static TURN: RefCell<Option<MutexGuard<'static, ()>>> = const { RefCell::new(None) };
    }
    TURN.with_borrow_mut(|turn| {
        turn.get_or_insert_with(|| ONE.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

pub fn address(server: &Server) -> SocketAddr {
    server.base_url.trim_start_matches("http://").parse().unwrap()
}

/// A connection from 127.0.0.N. A thousand come within some seconds, not in one moment: the
/// kernel's queue holds 1,024, and what it drops comes again after a second.
pub fn connect(server: &Server, from: u8) -> TcpStream {
    std::thread::sleep(Duration::from_millis(2));
    connect_to(address(server), from)
}

pub fn connect_to(address: SocketAddr, from: u8) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, from], 0)).into()).unwrap();
    if from != HONEST {
        // What the kernel holds for a client that does not read is soon full.
        socket.set_recv_buffer_size(8_192).unwrap();
    }
    socket.connect_timeout(&address.into(), Duration::from_secs(10)).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// The attackers' addresses, round and round.
pub fn attackers(count: usize) -> impl Iterator<Item = u8> {
    ATTACKERS.cycle().take(count)
}
