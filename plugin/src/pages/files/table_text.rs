//! Tables in texts: CSV.

/// Largest number of columns that are read of a line.
const COLUMNS_MAX: usize = 50;

/// Reads the first lines of a table, at most this many, each with at most 50 cells. A cell in quotes may hold the separator, line
/// breaks and, written twice, quotes.
pub(super) fn rows(text: &str, separator: char, count: usize) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut chars = text.chars().peekable();
    while rows.len() < count && chars.peek().is_some() {
        let (mut row, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
        while let Some(char) = chars.next() {
            match char {
                '"' if is_quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
                '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
                '\n' if !is_quoted => break,
                '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
                char if char == separator && !is_quoted => row.push(std::mem::take(&mut cell)),
                char => cell.push(char),
            }
        }
        row.push(cell);
        row.truncate(COLUMNS_MAX);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::csv::cell;
    use proptest::prelude::*;

    #[test]
    fn cells_are_split_outside_of_quotes() {
        let read = rows("a,b\r\n\"x,\"\"y\"\"\n\",2\n\n3", ',', 9);
        assert_eq!(read, [vec!["a", "b"], vec!["x,\"y\"\n", "2"], vec![""], vec!["3"]]);
        assert_eq!(rows("a\tb\nc", '\t', 1), [vec!["a", "b"]]);
        assert!(rows("", ',', 9).is_empty());
    }

    proptest! {
        #[test]
        fn a_written_cell_reads_back(text in "[a-z,\"\n ]{0,20}") {
            let read = rows(&format!("{},end", cell(&text)), ',', 1);
            prop_assert_eq!(read, [vec![text, "end".to_owned()]]);
        }
    }
}
