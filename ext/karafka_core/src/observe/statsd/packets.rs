//! Datagrams to the agent. The system takes them at once or not at all; what it does not take is lost, and said.

use std::net::{ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;

use super::StatsdConfig;
use crate::base::fork;
use crate::observe::repeats::Repeats;

/// What an Ethernet carries in one piece.
const UDP_BYTES: usize = 1_432;
/// As DogStatsD reads at once by default.
const UNIX_BYTES: usize = 8_192;

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    fn send(&self, packet: &[u8]) -> std::io::Result<usize> {
        match self {
            Socket::Udp(socket) => socket.send(packet),
            Socket::Unix(socket) => socket.send(packet),
        }
    }
}

pub(super) struct Agent {
    host: String,
    port: u16,
    path: Option<String>,
    /// None: to be opened with the next packet. The agent may have another address by then.
    socket: Option<Socket>,
    repeats: Repeats,
    lost: u64,
}

impl Agent {
    pub fn new(config: &StatsdConfig) -> Self {
        Agent {
            host: config.host.clone(),
            port: config.port,
            path: config.socket.clone(),
            socket: None,
            repeats: Repeats::default(),
            lost: 0,
        }
    }

    pub fn send(&mut self, lines: &[String]) {
        let most = if self.path.is_some() { UNIX_BYTES } else { UDP_BYTES };
        let mut failure = None;
        for packet in packets(lines, most) {
            if let Err(error) = self.push(packet.as_bytes()) {
                self.lost += 1;
                self.socket = None;
                failure = Some(error);
            }
        }
        match failure {
            None => self.repeats.over(),
            Some(error) if self.repeats.is_due() => tracing::warn!(
                "the agent of config.statsd at {} does not take metrics: {error} ({} packets were lost so far)",
                self.path
                    .clone()
                    .unwrap_or_else(|| format!("{}:{}", self.host, self.port)),
                self.lost
            ),
            Some(_) => {}
        }
    }

    fn push(&mut self, packet: &[u8]) -> std::io::Result<usize> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.open()?,
        };
        let taken = match socket.send(packet) {
            // The answer to an earlier one; this one has not been sent yet.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused && self.path.is_none() => {
                self.lost += 1;
                socket.send(packet)
            }
            taken => taken,
        };
        self.socket = Some(socket);
        taken
    }

    fn open(&self) -> std::io::Result<Socket> {
        if let Some(path) = &self.path {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            socket.connect(path)?;
            return Ok(Socket::Unix(socket));
        }
        let address = {
            // A fork waits until the locks of the look-up are free.
            let _postponed = fork::postpone();
            (self.host.as_str(), self.port).to_socket_addrs()?.next()
        };
        let address = address.ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        Ok(Socket::Udp(socket))
    }
}

/// As few as possible; a line is never cut.
fn packets(lines: &[String], most: usize) -> Vec<String> {
    let mut packets: Vec<String> = Vec::new();
    for line in lines {
        match packets.last_mut() {
            Some(last) if last.len() + 1 + line.len() <= most => {
                last.push('\n');
                last.push_str(line);
            }
            _ => packets.push(line.clone()),
        }
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_share_packets_and_are_not_cut() {
        let lines: Vec<String> = (0..100).map(|number| format!("karafka.line:{number}|g")).collect();
        let packets = packets(&lines, 200);
        assert!(packets.iter().all(|packet| packet.len() <= 200));
        assert!(packets.len() < 15);
        let again: Vec<&str> = packets.iter().flat_map(|packet| packet.lines()).collect();
        assert_eq!(again, lines);
    }
}
