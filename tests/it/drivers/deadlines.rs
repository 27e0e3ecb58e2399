//! What has arrived before a deadline is seen before it, however busy the core was.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ringlane_reactor::{CloseReason, Config, DEADLINE_TICK, Intent, Io};

use super::stand::{RealRing, Stand, client, ping, script};

on_both_drivers! {
    what_came_in_time_while_the_core_was_busy_is_not_late
    a_crowd_that_came_in_time_while_the_core_was_busy_is_not_late
}

/// How long a connection may wait for its second message.
const LIMIT: Duration = Duration::from_secs(1);

fn what_came_in_time_while_the_core_was_busy_is_not_late<R: RealRing>() {
    check_not_late::<R>(1);
}

/// More than one call tells of.
fn a_crowd_that_came_in_time_while_the_core_was_busy_is_not_late<R: RealRing>() {
    check_not_late::<R>(1500);
}

/// So many connections have a deadline; another one keeps the core busy until it has passed, while
/// what they were waiting for comes.
#[track_caller]
fn check_not_late<R: RealRing>(count: usize) {
    let waiting: Arc<Mutex<Vec<Arc<TcpStream>>>> = Arc::default();
    let senders = Arc::clone(&waiting);
    let step = move |_: &mut (), io: &mut Io<'_>| {
        let bytes = io.input.bytes().to_vec();
        io.input.consume(bytes.len());
        match &bytes[..] {
            b"wait" => io.set_deadline(io.now + LIMIT),
            b"block" => {
                for client in &*senders.lock().expect("no thread has panicked") {
                    (&**client).write_all(b"here").expect("sending");
                }
                let until = Instant::now() + LIMIT + 2 * DEADLINE_TICK;
                std::thread::sleep(until - Instant::now());
            }
            _ => io.set_deadline(ringlane_reactor::clock::Instant::NEVER),
        }
        io.output.buffer().extend_from_slice(&bytes);
        match io.peer_finished {
            true => Intent::Finish,
            false => Intent::Continue,
        }
    };
    let mut stand = Stand::<R, _>::new(Config::default(), script(step));
    let address = stand.address;
    stand.serve(|| {
        let blocking = client(address);
        ping(&blocking, b"hello");
        let clients: Vec<Arc<TcpStream>> = (0..count).map(|_| client(address).into()).collect();
        *waiting.lock().expect("no thread has panicked") = clients.clone();
        for client in &clients {
            ping(client, b"else");
        }
        for client in &clients {
            (&**client).write_all(b"wait").expect("sending");
        }
        ping(&blocking, b"block");
        for client in &clients {
            let mut answer = [0; 8];
            (&**client).read_exact(&mut answer).expect("it is not late");
            assert_eq!(&answer, b"waithere");
        }
        waiting.lock().expect("no thread has panicked").clear();
    });
    stand.turn_until_idle();
    stand.check_nothing_is_held();
    let closed = &stand.reactor.application().closed;
    assert!(
        closed.iter().all(|&one| one == CloseReason::Finished),
        "{closed:?}"
    );
}
