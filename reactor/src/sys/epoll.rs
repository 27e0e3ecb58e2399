//! The same operations over `epoll`, where `io_uring` is refused.
use crate::{
    Config,
    completion::Completion,
    mailbox::Bell,
    op::{Op, Socket},
    ring::*,
    token::Token,
};
use std::io;
pub struct Epoll;
impl Epoll {
    pub(crate) fn open(_: &Config) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
impl Ring for Epoll {
    fn push(&mut self, _: Op, _: Token) {}
    fn submit_and_wait(&mut self, _: Wait) -> io::Result<()> {
        Ok(())
    }
    fn next_completion(&mut self) -> Option<Completion> {
        None
    }
    fn bytes(&self, _: &Buffer) -> &[u8] {
        &[]
    }
    fn recycle(&mut self, _: Buffer) {}
    fn close_now(&mut self, _: Socket) {}
    fn accept_now(&mut self, _: Socket) -> Option<Socket> {
        None
    }
    fn refuse_new(&mut self, _: Socket) {}
    fn bell(&self) -> Bell {
        Bell::Flag(Default::default())
    }
    fn facts(&self) -> RingFacts {
        RingFacts::default()
    }
    fn address(_: Socket, _: End) -> io::Result<Address> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
