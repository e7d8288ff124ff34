//! What the measuring programs share: arguments, the process's own CPU time and memory, one JSON line as the result.

use std::collections::HashMap;
use std::error::Error;
use std::str::FromStr;

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// `--name value` pairs; `--set key=value` may come several times.
pub struct Arguments {
    values: HashMap<String, String>,
    pub settings: Vec<(String, String)>,
}

impl Arguments {
    pub fn from_command_line(allowed: &[&str]) -> Outcome<Self> {
        let (mut values, mut settings) = (HashMap::new(), Vec::new());
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").unwrap_or_default().to_owned();
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            if name == "set" {
                let (key, value) = value.split_once('=').ok_or("--set needs key=value")?;
                settings.push((key.to_owned(), value.to_owned()));
            } else if allowed.contains(&name.as_str()) {
                values.insert(name, value);
            } else {
                return Err(format!(
                    "unknown argument {word}; known: --{}, --set key=value",
                    allowed.join(", --")
                )
                .into());
            }
        }
        Ok(Self { values, settings })
    }

    pub fn text(&self, name: &str) -> Outcome<&str> {
        self.optional(name).ok_or_else(|| format!("--{name} is needed").into())
    }

    pub fn optional(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Outcome<T> {
        match self.optional(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| format!("--{name} {text} is not a number").into()),
        }
    }
}

/// User and system time of this process, in seconds.
pub fn cpu_seconds() -> f64 {
    let usage = usage();
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Peak resident memory in MB.
pub fn peak_rss_mb() -> f64 {
    // In bytes on macOS.
    let unit = if cfg!(target_os = "macos") { 1_048_576.0 } else { 1024.0 };
    usage().ru_maxrss as f64 / unit
}

fn usage() -> libc::rusage {
    // SAFETY: an all-zero rusage is a valid value, and getrusage only writes to it.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    }
}

pub fn nanoseconds_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map(|time| time.as_nanos() as u64).unwrap_or(0)
}
