// SPDX-License-Identifier: GPL-2.0

//! Text of others, as one column.

use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*, //
};

/// Text that has neither blanks nor commas in it, nor what a terminal obeys: such bytes are shown
/// as `/proc/mounts` shows them, `\040`. Nothing is shown as `-`.
pub(crate) struct Plain<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() || self.0 == b"-" {
            return f.write_str(if self.0.is_empty() { "-" } else { "\\055" });
        }
        for byte in self.0 {
            if byte.is_ascii_graphic() && !matches!(byte, b'\\' | b',') {
                f.write_char(char::from(*byte))?;
            } else {
                f.write_fmt(fmt!("\\{byte:03o}"))?;
            }
        }
        Ok(())
    }
}

impl Plain<'_> {
    /// How many columns it takes.
    fn width(&self) -> usize {
        let wide = |byte: &u8| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b',');
        match self.0 {
            [] => 1,
            b"-" => 4,
            text => text.iter().map(|byte| if wide(byte) { 4 } else { 1 }).sum(),
        }
    }

    /// Writes it with blanks behind, up to a width, and two more.
    pub(crate) fn pad(&self, out: &mut dyn Write, width: usize) -> fmt::Result {
        let blanks = width.saturating_sub(self.width()).saturating_add(2);
        out.write_fmt(fmt!("{self}{:blanks$}", ""))
    }
}
