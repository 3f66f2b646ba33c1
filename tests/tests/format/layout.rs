//! The field types of `docs/format.md`, and records in two lines: bytes, and below them what they mean.

/// The widest line of a dump, without its label.
const WIDTH: usize = 112;

/// A field: its bytes, and what they mean.
#[derive(Clone, Debug)]
pub struct Cell {
    pub bytes: String,
    pub gloss: String,
}

/// A field that was read.
pub struct Scalar {
    /// The number of bytes after it.
    pub rest: usize,
    pub cell: Cell,
    /// Its value, where it can be a count.
    pub count: u64,
}

impl Scalar {
    /// Reads a field of a type that the page describes; none if the bytes do not begin with one.
    pub fn read(kind: &str, name: &str, bytes: &[u8]) -> Option<Self> {
        let width = match kind {
            "u8" | "letter" => 1,
            "u32" => 4,
            "u64" | "i64" | "f64" | "i64le" | "f64le" | "asc" | "desc" | "inv" | "fasc" => 8,
            "id" => 16,
            "bits" => 64,
            "str" | "vstr" | "digits" | "text0" | "tail" => return Self::text(kind, name, bytes),
            "varint" | "zigzag" => bytes.iter().position(|byte| *byte < 0x80)? + 1,
            _ => panic!("there is no type {kind}"),
        };
        let (raw, rest) = bytes.split_at_checked(width)?;
        let word = |raw: &[u8]| raw.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        let reversed: Vec<u8> = raw.iter().rev().copied().collect();
        let (big, little) = (word(raw), word(&reversed));
        let unflipped = big ^ (1 << 63);
        let seven = reversed.iter().fold(0, |word, byte| word << 7 | u64::from(byte & 0x7f));
        let (shown, count) = match kind {
            "u8" | "u32" | "u64" => (big.to_string(), big),
            "i64" => (big.cast_signed().to_string(), 0),
            "i64le" => (little.cast_signed().to_string(), 0),
            "f64" => (f64::from_bits(big).to_string(), 0),
            "f64le" => (f64::from_bits(little).to_string(), 0),
            "asc" => (unflipped.cast_signed().to_string(), 0),
            "desc" => ((!unflipped).cast_signed().to_string(), 0),
            "inv" => ((!big).to_string(), 0),
            "fasc" if big >> 63 == 1 => (f64::from_bits(unflipped).to_string(), 0),
            "fasc" => (f64::from_bits(!big).to_string(), 0),
            "varint" => (seven.to_string(), seven),
            "zigzag" => (
                ((seven >> 1).cast_signed() ^ -((seven & 1).cast_signed())).to_string(),
                0,
            ),
            "letter" if raw[0].is_ascii_lowercase() => (escaped(raw), 0),
            "letter" => return None,
            "bits" => slots(raw),
            _ => (String::new(), 0),
        };
        let gloss = if shown.is_empty() {
            name.to_owned()
        } else {
            format!("{name}={shown}")
        };
        let cell = Cell { bytes: hex(raw), gloss };
        Some(Self {
            rest: rest.len(),
            cell,
            count,
        })
    }

    fn text(kind: &str, name: &str, bytes: &[u8]) -> Option<Self> {
        let (before, text, after) = match kind {
            "tail" => (0, bytes, 0),
            "text0" => {
                let is_end = |at: &usize| bytes[*at] == 0 && bytes.get(at + 1) != Some(&255);
                (0, &bytes[..(0..bytes.len()).find(is_end)?], 1)
            }
            _ => {
                let kind =
                    ["u32", "varint", "u8"][["str", "vstr", "digits"].iter().position(|other| *other == kind)?];
                let length = Self::read(kind, name, bytes)?;
                let text = &bytes[bytes.len() - length.rest..];
                (
                    bytes.len() - length.rest,
                    text.get(..usize::try_from(length.count).unwrap())?,
                    0,
                )
            }
        };
        let end = before + text.len() + after;
        let text = if kind == "text0" {
            unescaped(text)
        } else {
            text.to_vec()
        };
        std::str::from_utf8(&text).ok()?;
        let parts = [hex(&bytes[..before]), escaped(&text), hex(&bytes[end - after..end])];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let cell = Cell {
            bytes: parts.join(" "),
            gloss: name.to_owned(),
        };
        Some(Self {
            rest: bytes.len() - end,
            cell,
            count: 0,
        })
    }
}

/// A text without the bytes 255 that follow its zero bytes.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let is_escape = |at: &usize| *at > 0 && text[*at] == 255 && text[at - 1] == 0;
    (0..text.len()).filter(|at| !is_escape(at)).map(|at| text[at]).collect()
}

fn slots(bitmap: &[u8]) -> (String, u64) {
    let is_set = |slot: &usize| bitmap[slot / 8] >> (slot % 8) & 1 == 1;
    let slots: Vec<String> = (0..bitmap.len() * 8)
        .filter(is_set)
        .map(|slot| slot.to_string())
        .collect();
    (slots.join(","), u64::try_from(slots.len()).unwrap())
}

/// Hexadecimal digits; many zero bytes are counted instead.
pub fn hex(bytes: &[u8]) -> String {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    match bytes.split_at(bytes.len() - zeros) {
        (first, zeros) if zeros.len() > 16 => format!("{} 00×{}", digits(first), zeros.len()),
        _ => digits(bytes),
    }
}

/// A text in quotes.
pub fn escaped(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// A label, and cells in columns: the upper line has the bytes, the lower one what they mean.
pub fn lines(label: &str, cells: &[Cell]) -> String {
    let mut rows = vec![(String::new(), String::new())];
    for Cell { bytes, gloss } in cells {
        let width = bytes.chars().count().max(gloss.chars().count());
        let (upper, lower) = rows.last_mut().unwrap();
        if !upper.is_empty() && upper.chars().count() + 2 + width > WIDTH {
            rows.push((String::new(), String::new()));
        } else if !upper.is_empty() {
            *upper += "  ";
            *lower += "  ";
        }
        let (upper, lower) = rows.last_mut().unwrap();
        *upper += &format!("{bytes:width$}");
        *lower += &format!("{gloss:width$}");
    }
    let mut label = label;
    let mut all = String::new();
    for (upper, lower) in rows {
        all += format!("{label:7}{upper}").trim_end();
        all += "\n";
        all += format!("{:7}{lower}", "").trim_end();
        all += "\n";
        label = "";
    }
    all
}
