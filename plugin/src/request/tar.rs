//! The headers of a tar archive, in the format USTAR. A name or size that does not fit there stands in a PAX header before.

use crate::convert::to_u64;

/// Size of a header, and of the unit to which a file is filled up.
pub const BLOCK_BYTES: u64 = 512;
/// Size of the end of an archive: two empty blocks.
pub const END_BYTES: usize = 1_024;

/// The longest name in a header.
const NAME_BYTES_MAX: usize = 100;
/// The largest size in a header: 11 octal digits.
const SIZE_MAX: u64 = (1 << 33) - 1;
/// The name of a PAX header, which programs that do not know it show.
const PAX_NAME: &[u8] = b"PaxHeader";

/// A header. It is filled field by field, in order.
struct Header(Vec<u8>);

impl Header {
    fn text(mut self, text: &[u8], width: usize) -> Self {
        let end = self.0.len() + width;
        self.0.extend(text.iter().take(width));
        self.0.resize(end, 0);
        self
    }

    /// Octal digits and a zero byte.
    fn octal(self, number: u64, width: usize) -> Self {
        let digits = width - 1;
        self.text(format!("{number:0digits$o}").as_bytes(), width)
    }

    fn written(name: &[u8], size: u64, time_s: u64, kind: u8) -> Vec<u8> {
        let before = Header(Vec::with_capacity(512)).text(name, 100).octal(0o644, 8);
        let before = before.octal(0, 8).octal(0, 8).octal(size, 12);
        let before = before.octal(time_s.min(SIZE_MAX), 12).0;
        let after = Header(vec![kind])
            .text(b"", 100)
            .text(b"ustar\x0000", 8)
            .text(b"", 247)
            .0;
        // The checksum is that of the header with spaces in its own place.
        let sum: u64 = before.iter().chain(&after).map(|byte| u64::from(*byte)).sum();
        let sum = format!("{:06o}\0 ", sum + 8 * u64::from(b' '));
        [before, sum.into_bytes(), after].concat()
    }
}

/// The headers of a file. Its bytes follow, then `padding`.
pub fn header(name: &str, size: u64, modified_ms: u64) -> Vec<u8> {
    let time_s = modified_ms / 1_000;
    let mut records = Vec::new();
    if name.len() > NAME_BYTES_MAX || !name.is_ascii() {
        records.extend(record("path", name));
    }
    if size > SIZE_MAX {
        records.extend(record("size", &size.to_string()));
    }
    let mut headers = Vec::new();
    if !records.is_empty() {
        let length = to_u64(records.len());
        headers.extend(Header::written(PAX_NAME, length, time_s, b'x'));
        headers.extend(records);
        headers.extend(padding(length));
    }
    headers.extend(Header::written(name.as_bytes(), size.min(SIZE_MAX), time_s, b'0'));
    headers
}

/// The zero bytes that fill up a file of this size.
pub fn padding(size: u64) -> Vec<u8> {
    let over = size % BLOCK_BYTES;
    vec![0; usize::try_from((BLOCK_BYTES - over) % BLOCK_BYTES).unwrap_or(0)]
}

/// A PAX record. Its first number is its own length, with the number's digits.
fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}").into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn number(octal: &[u8]) -> u64 {
        let digits = std::str::from_utf8(octal).unwrap();
        u64::from_str_radix(digits.trim_matches(['\0', ' ']), 8).unwrap()
    }

    /// Reads the headers of a file as a program does: its name and size.
    fn read(mut bytes: &[u8]) -> (String, u64) {
        let (mut name, mut size) = (None, None);
        loop {
            let (block, rest) = bytes.split_at(512);
            let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
            let of_sum: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
            assert_eq!(number(&block[148..156]), sum - of_sum + 8 * 32);
            assert_eq!(&block[257..265], b"ustar\x0000");
            let length = number(&block[124..136]);
            if block[156] == b'0' {
                assert!(rest.is_empty());
                let own = block[..100].split(|byte| *byte == 0).next().unwrap();
                let own = String::from_utf8_lossy(own).into_owned();
                return (name.unwrap_or(own), size.unwrap_or(length));
            }
            let (mut records, rest) = rest.split_at(usize::try_from(length.div_ceil(512) * 512).unwrap());
            while let Some(end) = records.iter().position(|byte| *byte == b' ') {
                let whole: usize = std::str::from_utf8(&records[..end]).unwrap().parse().unwrap();
                let record = std::str::from_utf8(&records[end + 1..whole]).unwrap();
                match record.trim_end_matches('\n').split_once('=').unwrap() {
                    ("path", value) => name = Some(value.to_owned()),
                    (_, value) => size = Some(value.parse().unwrap()),
                }
                records = &records[whole..];
            }
            bytes = rest;
        }
    }

    #[test]
    fn a_header_is_that_of_the_format() {
        let written = header("model/MLmodel", 1_234, 1_700_000_000_000);
        assert_eq!(written.len(), 512);
        assert_eq!(number(&written[136..148]), 1_700_000_000);
        assert_eq!(read(&written), ("model/MLmodel".to_owned(), 1_234));
        assert_eq!((padding(0).len(), padding(1).len(), padding(512).len()), (0, 511, 0));
    }

    proptest! {
        #[test]
        fn any_name_and_size_read_back(name in "[a-zü/]{1,300}", size in any::<u64>()) {
            prop_assert_eq!(read(&header(&name, size, 7)), (name, size));
        }
    }
}
