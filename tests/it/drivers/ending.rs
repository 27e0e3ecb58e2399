//! Tests that connections can end at any moment, from either side, and leak nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringlane_reactor::{CloseReason, Config, Intent, Io, Letter};

use super::stand::{RealRing, Stand, alone, client, descriptors, echo, ping, script};

on_both_drivers! {
    a_connection_that_is_closed_while_bytes_arrive_ends_once
    a_peer_that_resets_is_gone_and_nobody_else
    a_reactor_that_is_dropped_lets_go_of_everything
    a_core_that_is_stopped_closes_everything
}

/// The application gives up at the first byte, the peer goes on sending all the while.
fn a_connection_that_is_closed_while_bytes_arrive_ends_once<R: RealRing>() {
    const CLIENTS: usize = 100;
    alone(|| {
        let step = |_: &mut (), io: &mut Io<'_>| {
            io.output.append(Bytes::from(vec![1; 1 << 20])); // there is a send to cancel, too
            if io.input.bytes().len() > 2000 {
                Intent::Abort
            } else {
                Intent::Continue
            }
        };
        let mut stand = Stand::<R, _>::new(Config::default(), script(step));
        let before = descriptors();
        let address = stand.address;
        stand.serve(|| {
            for number in 0..CLIENTS {
                let mut client = client(address);
                let piece = vec![2; 100 + number];
                // It ends by a reset, whenever that comes.
                while client.write_all(&piece).is_ok() {}
            }
        });
        stand.turn_until_idle();
        stand.check_nothing_is_held();
        assert_eq!(stand.reactor.application().closed.len(), CLIENTS);
        assert_eq!(descriptors(), before);
    });
}

fn a_peer_that_resets_is_gone_and_nobody_else<R: RealRing>() {
    let mut stand = Stand::<R, _>::new(Config::default(), script(echo));
    let steady = stand.client();
    let address = stand.address;
    stand.serve(|| {
        ping(&steady, b"before");
        for number in 0..100 {
            let client = client(address);
            if number % 2 == 0 {
                ping(&client, b"hello");
            }
            rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO))
                .expect("an option of sockets");
        }
        ping(&steady, b"after");
    });
    let others = |closed: &[CloseReason]| {
        let gone = closed.iter().filter(|&&one| one == CloseReason::PeerGone);
        gone.count()
    };
    stand.turn_until("the resets to be seen", |stand| {
        others(&stand.reactor.application().closed) == 100
    });
    drop(steady);
    stand.turn_until_idle();
    stand.check_nothing_is_held();
}

/// Connections of every sort: one that waits for a request, one that cannot send, and one that
/// nobody has looked at yet.
fn of_every_sort(step: &mut usize, io: &mut Io<'_>) -> Intent {
    *step += 1;
    if io.input.bytes().starts_with(b"much") {
        io.output.append(Bytes::from(vec![1; 16 * 1024 * 1024]));
    }
    io.input.consume(io.input.bytes().len());
    Intent::Continue
}

const EACH: usize = 10;

fn begin_every_sort<R: RealRing, F>(stand: &mut Stand<R, super::stand::Script<usize, F>>) -> Clients
where
    F: FnMut(&mut usize, &mut Io<'_>) -> Intent,
{
    let client = || (0..EACH).map(|_| stand.client()).collect::<Vec<_>>();
    let (blocked, silent) = (client(), client());
    for mut client in &blocked {
        client.write_all(b"much, please").expect("sending");
    }
    // Once the first bytes have come back, the rest is on its way and stuck.
    stand.serve(|| {
        for mut client in &blocked {
            client.read_exact(&mut [0; 1000]).expect("bytes");
        }
    });
    stand.turn_until("all to be accepted", |stand| {
        stand.reactor.connections() == 2 * EACH
    });
    let unseen = (0..EACH).map(|_| stand.client()).collect();
    Clients([blocked, silent, unseen])
}

struct Clients([Vec<TcpStream>; 3]);

impl Clients {
    /// Each sees the end, in whatever way.
    fn see_the_end(self) {
        for mut client in self.0.into_iter().flatten() {
            let mut piece = [0; 100_000];
            while let Ok(1..) = client.read(&mut piece) {}
            let error = client.take_error().expect("an option of sockets");
            let timed_out = error.is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut);
            assert!(!timed_out, "it was left open");
        }
    }
}

fn a_reactor_that_is_dropped_lets_go_of_everything<R: RealRing>() {
    alone(|| {
        let before = descriptors();
        let mut stand = Stand::<R, _>::new(Config::default(), script(of_every_sort));
        let clients = begin_every_sort(&mut stand);
        let started = Instant::now();
        drop(stand);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(2), "it took {took:?}");
        assert_eq!(
            descriptors(),
            before + 3 * EACH,
            "only the clients are left"
        );
        clients.see_the_end();
    });
}

fn a_core_that_is_stopped_closes_everything<R: RealRing>() {
    alone(|| {
        let before = descriptors();
        let mut stand = Stand::<R, _>::new(Config::default(), script(of_every_sort));
        let clients = begin_every_sort(&mut stand);
        stand
            .reactor
            .post()
            .send(Letter::Stop)
            .expect("the mailbox is empty");
        let _watched = super::stand::watch("stopping");
        while stand.turn() {}
        let reasons = &stand.reactor.application().closed;
        assert!(
            reasons.iter().all(|&one| one == CloseReason::ShutDown),
            "{reasons:?}"
        );
        assert!(reasons.len() >= 2 * EACH);
        stand.check_nothing_is_held();
        drop(stand);
        assert_eq!(
            descriptors(),
            before + 3 * EACH,
            "only the clients are left"
        );
        clients.see_the_end();
    });
}
