//! Tables as CSV (RFC 4180).

/// A line of cells.
pub fn line(cells: impl IntoIterator<Item = String>) -> String {
    let mut line = cells.into_iter().collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// A cell. Programs that calculate would take some texts for formulas, so such a text gets an apostrophe. A number stays.
pub fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if is_formula || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for (text, written) in [
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("+x", "\"'+x\""),
            ("-x,\"y\"", "\"'-x,\"\"y\"\"\""),
            ("\t=1", "\"'\t=1\""),
            ("-1.5e-3", "-1.5e-3"),
            ("-Infinity", "-Infinity"),
            ("+7", "+7"),
            ("a,b", "\"a,b\""),
            ("a\nb", "\"a\nb\""),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(cell(text), written, "{text}");
        }
    }

    #[test]
    fn a_line_has_its_cells_between_commas() {
        assert_eq!(line(["a".to_owned(), cell("b,c")]), "a,\"b,c\"\r\n");
    }
}
