//! Where partitions begin.

use serde::Deserialize;

/// Where a group begins in partitions for which it has committed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InitialOffset {
    #[default]
    Earliest,
    Latest,
    /// As `Latest`, also for partitions that come later.
    LatestAlways,
    Error,
}

/// Where a topic is read that was deleted and made again under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRecreated {
    #[default]
    Beginning,
    End,
    /// Not at all, until people decide.
    Error,
}

impl OnRecreated {
    pub fn name(self) -> &'static str {
        match self {
            OnRecreated::Beginning => "beginning",
            OnRecreated::End => "end",
            OnRecreated::Error => "error",
        }
    }
}
