// SPDX-License-Identifier: GPL-2.0

//! The address of the server, and its sockets.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{FromRawFd, OwnedFd};
use std::str::FromStr;

use rustix::io::Errno;

use crate::error::Error;

/// An address for the server.
#[derive(Clone, Debug)]
pub struct Address(String);

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.parse::<u16>().is_ok() {
            return Ok(Self(format!("127.0.0.1:{text}")));
        }
        let is_name = |host: &str| !host.is_empty() && !host.contains(':');
        match text.rsplit_once(':') {
            Some(("", _)) => Err(
                "the host is missing: write [::]:PORT for all addresses, or PORT for this machine only",
            ),
            Some((host, port)) if is_name(host) && port.parse::<u16>().is_ok() => {
                Ok(Self(text.to_owned()))
            }
            _ if text.parse::<SocketAddr>().is_ok() => Ok(Self(text.to_owned())),
            _ => Err("expected HOST:PORT, or PORT for this machine only"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// An address at which the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
struct CannotListen {
    address: Address,
    source: io::Error,
}

impl Address {
    /// Returns the error of a server that cannot listen at the address.
    pub fn failed(&self, source: io::Error) -> Error {
        Error::command(CannotListen {
            address: self.clone(),
            source,
        })
    }

    /// Listens at the address, or at the sockets from systemd. Returns the listeners, and a note for each
    /// difference from the requested address.
    pub fn listen(&self) -> Result<(Vec<TcpListener>, Vec<String>), Error> {
        let failed = |source| self.failed(source);
        let addresses = self.0.to_socket_addrs();
        let inherited = inherited().map_err(failed)?;
        if !inherited.is_empty() {
            let wanted: Vec<SocketAddr> = addresses.into_iter().flatten().collect();
            // dmp-exporter.service names the address of its socket unit.
            let is_wanted = |listener: &TcpListener| {
                let address = listener.local_addr();
                address.is_ok_and(|address| wanted.contains(&address))
            };
            let note = format!(
                "--listen {self} has no effect, because systemd listens for this service: set ListenStream= \
                 with \"systemctl edit dmp-exporter.socket\""
            );
            let notes = if inherited.iter().all(is_wanted) {
                vec![]
            } else {
                vec![note]
            };
            return Ok((inherited, notes));
        }
        let addresses = addresses.map_err(failed)?;
        let (listeners, missing) = bind(addresses, TcpListener::bind).map_err(failed)?;
        let missing = missing.into_iter();
        let notes = missing.map(|(address, error)| format!("not listening on {address}: {error}"));
        Ok((listeners, notes.collect()))
    }
}

/// Binds to the addresses of one name that this machine has: localhost may name ::1 on a machine without
/// IPv6. Returns the missing addresses with their errors. Fails if no address could be bound, or if a bind
/// failed for another reason.
#[allow(clippy::type_complexity)]
pub fn bind<T>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<(Vec<T>, Vec<(SocketAddr, io::Error)>)> {
    let (mut bound, mut missing) = (Vec::new(), Vec::new());
    let mut seen = Vec::new();
    for address in addresses {
        if seen.contains(&address) {
            continue;
        }
        seen.push(address);
        match bind(address) {
            Ok(socket) => bound.push(socket),
            Err(error) if is_missing(&error) => missing.push((address, error)),
            Err(error) => return Err(error),
        }
    }
    if bound.is_empty() {
        let first = missing.into_iter().next().map(|(_, error)| error);
        return Err(first.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
    }
    Ok((bound, missing))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT)
    )
}

/// Returns the sockets that systemd passed to this process.
fn inherited() -> io::Result<Vec<TcpListener>> {
    let sockets = sd_notify::listen_fds()?.map(|socket| {
        // SAFETY: LISTEN_PID tells that systemd has opened these descriptors for this process. Nothing else
        // in the process uses them, and this is the only call, so each descriptor gets one owner.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        let listener = TcpListener::from(socket);
        // A socket of another family has no such address, which is an error.
        listener.local_addr().map(|_| listener)
    });
    sockets.collect()
}
