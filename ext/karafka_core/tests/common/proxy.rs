//! Stands between clients and a broker. All that a client hears of the broker's address is the proxy's, so it stays there. Ends with
//! the test program.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;

/// What becomes of an answer.
pub enum Pass {
    Now,
    /// When this returns, on a thread of its own.
    After(Box<dyn FnOnce() + Send>),
    Never,
}

/// Which answers are held up. A frame is a request or an answer without its size.
pub trait HoldUp: Send + Sync + 'static {
    /// A request on its way to the broker. Some: what `pass` is given with its answer.
    fn wants_answer(&self, request: &mut [u8]) -> Option<&'static str>;

    /// May change the answer.
    fn pass(&self, kind: &'static str, answer: &mut Vec<u8>) -> Pass;
}

pub fn api_key(request: &[u8]) -> i16 {
    i16::from_be_bytes([request[0], request[1]])
}

/// In front of a broker that is known as `host:port`; the proxy's own address.
pub fn start_proxy(broker: &str, hold_up: Arc<impl HoldUp>) -> String {
    let (host, port) = broker.rsplit_once(':').expect("host:port");
    let (host, port): (Arc<str>, i32) = (host.into(), port.parse().expect("a port"));
    let listener = TcpListener::bind((&*host, 0)).expect("a port");
    let own = listener.local_addr().expect("an address").port();
    let address = format!("{host}:{own}");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let broker = TcpStream::connect((&*host, port as u16)).expect("the broker");
            // Correlation ids of requests.
            let wanted = Arc::<Mutex<HashMap<[u8; 4], &'static str>>>::default();
            let streams = (
                client.try_clone().expect("a socket"),
                broker.try_clone().expect("a socket"),
            );
            let (noted, requests) = (wanted.clone(), hold_up.clone());
            std::thread::spawn(move || {
                forward(streams.0, streams.1, |frame| {
                    if let Some(kind) = requests.wants_answer(frame) {
                        noted.lock().insert([frame[4], frame[5], frame[6], frame[7]], kind);
                    }
                    Pass::Now
                });
            });
            let (host, answers) = (host.clone(), hold_up.clone());
            std::thread::spawn(move || {
                forward(broker, client, |frame| {
                    replace_port(frame, &host, port, i32::from(own));
                    let kind = wanted.lock().remove(&frame[..4]);
                    kind.map_or(Pass::Now, |kind| answers.pass(kind, frame))
                });
            });
        }
    });
    address
}

/// Passes frames on as `look` says, until one side closes. What waits is overtaken by what comes after it.
fn forward(mut from: TcpStream, to: TcpStream, mut look: impl FnMut(&mut Vec<u8>) -> Pass) {
    let to = Arc::new(Mutex::new(to));
    let mut size = [0; 4];
    while from.read_exact(&mut size).is_ok() {
        let mut frame = vec![0; u32::from_be_bytes(size) as usize];
        if from.read_exact(&mut frame).is_err() {
            break;
        }
        let pass = look(&mut frame);
        let whole = [&(frame.len() as u32).to_be_bytes()[..], &frame].concat();
        match pass {
            Pass::Now if to.lock().write_all(&whole).is_err() => break,
            Pass::Now | Pass::Never => {}
            Pass::After(wait) => {
                let to = to.clone();
                std::thread::spawn(move || {
                    wait();
                    // The client may have gone meanwhile.
                    let _ = to.lock().write_all(&whole);
                });
            }
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.lock().shutdown(std::net::Shutdown::Both);
}

/// Answers name a broker by its host, and its port right behind it.
fn replace_port(frame: &mut [u8], host: &str, port: i32, own: i32) {
    let address = [host.as_bytes(), &port.to_be_bytes()].concat();
    let mut at = 0;
    while let Some(found) = frame[at..].windows(address.len()).position(|part| part == address) {
        at += found + host.len();
        frame[at..at + 4].copy_from_slice(&own.to_be_bytes());
    }
}
