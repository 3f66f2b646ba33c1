//! Bytes in attributes, as text.

/// Bytes as MLflow's server shows them: as Python's literal.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b'\\' => "\\\\".to_owned(),
        b'\'' => "\\'".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        0x20..0x7f => char::from(*byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    format!("b'{}'", bytes.iter().map(shown).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_literal_of_python() {
        assert_eq!(of_bytes(b"\x00a'"), "b'\\x00a\\''");
    }
}
