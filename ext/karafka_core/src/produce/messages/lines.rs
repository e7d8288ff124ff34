//! Messages that differ only in their payload: the lines of a text.

use std::io::BufRead;

use super::{Invalid, Messages, Slot, Span};

impl Messages {
    /// Makes one message for each line of `text` out of the last one that was pushed, whose payload does not matter: all of them
    /// share its key and headers, and so the span of the first one. A line ends with LF or CRLF, which is no part of the payload; the last one may lack it.
    ///
    /// Error: which message of the call, and why. Nothing of it may be sent then.
    pub fn spread(&mut self, mut text: &[u8]) -> Result<(), (usize, Invalid)> {
        let Some(common) = self.slots.pop() else {
            return Ok(());
        };
        while !text.is_empty() {
            let payload = self.keep_line(&mut text);
            let payload = payload.map_err(|invalid| (self.slots.len(), invalid))?;
            self.slots.push(Slot { payload, ..common });
        }
        Ok(())
    }

    /// Copies the first line, and takes it from `text`. The search and the copy are one pass.
    fn keep_line(&mut self, text: &mut &[u8]) -> Result<Span, Invalid> {
        let at = self.arena.len();
        text.read_until(b'\n', &mut self.arena)
            .expect("memory is read without errors");
        let line = self.arena.get(at..).unwrap_or_default();
        let line = line
            .strip_suffix(b"\n")
            .map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        let bytes = line.len();
        self.check_size(bytes)?;
        self.arena.truncate(at + bytes);
        let len = u32::try_from(bytes).map_err(|_| Invalid::new("payload", "is longer than 2 GB"))?;
        Ok(Span { at, len })
    }
}
