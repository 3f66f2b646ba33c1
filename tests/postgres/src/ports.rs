//! Free ports for servers that are started again on the same one.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

/// Ports below those that the kernel gives to clients. A client could take one of these while the server is down.
const FIRST: u32 = 10_000;
/// Number of ports.
const PORTS: u32 = 22_000;
/// Distance of the first ports of two processes that follow each other.
const APART: u32 = 101;
/// Number of tries.
const TRIES_MAX: usize = 1_000;

/// A port of this machine on which nobody listens.
pub fn free_port() -> Result<u16> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let draw = || {
        let number = process::id()
            .wrapping_mul(APART)
            .wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(FIRST + number % PORTS).ok()
    };
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let ports = std::iter::repeat_with(draw).take(TRIES_MAX).flatten();
    ports.into_iter().find(is_free).context("there is no free port")
}
