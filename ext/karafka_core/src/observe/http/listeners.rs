//! The port and the socket that the server listens at.

use std::net::{SocketAddr, TcpListener as StdTcpListener, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream};
use std::path::PathBuf;

use tokio::net::{TcpListener, UnixListener};

use super::super::ObserverConfig;
use super::answers::Way;
use super::Stream;
use crate::base::fork_files;
use crate::error::{Error, Result};

/// Where it listens.
#[derive(Debug, Clone, Default)]
pub struct Listening {
    pub address: Option<SocketAddr>,
    pub socket: Option<String>,
}

pub(super) struct Listeners {
    tcp: Option<(TcpListener, Way)>,
    unix: Option<UnixListener>,
    /// Removed at the end.
    path: Option<PathBuf>,
    files: Vec<RawFd>,
}

fn refused(setting: &str, value: String, error: &std::io::Error) -> Error {
    Error::Config {
        setting: setting.to_owned(),
        value,
        reason: format!("cannot be listened at: {error}"),
    }
}

impl Listeners {
    /// Inside of the runtime.
    pub fn bind(config: &ObserverConfig) -> Result<(Self, Listening)> {
        let mut listeners = Listeners {
            tcp: None,
            unix: None,
            path: None,
            files: Vec::new(),
        };
        let mut listening = Listening::default();
        if let Some(port) = config.port {
            let listener = bind_tcp(&config.bind, port)?;
            let address = listener.local_addr();
            let address = address.map_err(|error| refused("config.http.port", port.to_string(), &error))?;
            listening.address = Some(address);
            listeners.keep_from_children(listener.as_raw_fd());
            let is_loopback = address.ip().is_loopback();
            listeners.tcp = Some((listener, Way::Tcp { is_loopback }));
        }
        if let Some(path) = &config.socket {
            let listener = bind_unix(path).map_err(|error| refused("config.http.socket", path.clone(), &error))?;
            listeners.keep_from_children(listener.as_raw_fd());
            listeners.path = Some(PathBuf::from(path));
            listening.socket = Some(path.clone());
            listeners.unix = Some(listener);
        }
        Ok((listeners, listening))
    }

    /// A forked child must not answer for its parent, nor keep its port.
    fn keep_from_children(&mut self, file: RawFd) {
        fork_files::close_in_children(file);
        self.files.push(file);
    }

    pub async fn accept(&self) -> std::io::Result<(Box<dyn Stream>, Way)> {
        tokio::select! {
            taken = accept_tcp(&self.tcp) => taken,
            taken = accept_unix(&self.unix) => taken,
        }
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for file in &self.files {
            fork_files::forget(*file);
        }
        if let Some(path) = &self.path {
            // Whether it is still there does not matter.
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn accept_tcp(listener: &Option<(TcpListener, Way)>) -> std::io::Result<(Box<dyn Stream>, Way)> {
    match listener {
        Some((listener, way)) => listener.accept().await.map(|(stream, _)| (Box::new(stream) as _, *way)),
        None => std::future::pending().await,
    }
}

async fn accept_unix(listener: &Option<UnixListener>) -> std::io::Result<(Box<dyn Stream>, Way)> {
    match listener {
        Some(listener) => listener
            .accept()
            .await
            .map(|(stream, _)| (Box::new(stream) as _, Way::Unix)),
        None => std::future::pending().await,
    }
}

fn bind_tcp(bind: &str, port: u16) -> Result<TcpListener> {
    let addresses = (bind, port)
        .to_socket_addrs()
        .map_err(|error| refused("config.http.bind", bind.to_owned(), &error))?;
    let addresses: Vec<_> = addresses.collect();
    // Sets SO_REUSEADDR, so a process that is started again gets its port.
    let listener = StdTcpListener::bind(&addresses[..])
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| refused("config.http.port", format!("{bind}:{port}"), &error))?;
    TcpListener::from_std(listener).map_err(|error| refused("config.http.port", format!("{bind}:{port}"), &error))
}

/// For its user only. One that a process has left behind is replaced; one that answers is not.
fn bind_unix(path: &str) -> std::io::Result<UnixListener> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        if UnixStream::connect(path).is_ok() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::AddrInUse,
                "another process has it: give each process a file of its own, or stop the other one",
            ));
        }
        std::fs::remove_file(path)?;
    }
    let listener = StdUnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}
