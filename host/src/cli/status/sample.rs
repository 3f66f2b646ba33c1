//! Metrics in Prometheus' text form, read back.

use std::collections::BTreeMap;

/// A value with its name and labels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

impl Sample {
    /// The value of a label. Empty: there is none.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// `None`: the line has no value.
    fn parse(line: &str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, read_labels(labels)?),
            None => (series, BTreeMap::new()),
        };
        Some(Self {
            name: name.to_owned(),
            labels,
            value: value.parse().ok()?,
        })
    }
}

/// Reads labels up to the closing brace.
fn read_labels(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.starts_with('}') {
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = rest.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    escaped => escaped,
                }),
                (_, character) => value.push(character),
            }
        };
        labels.insert(name.trim_start_matches(',').to_owned(), value);
        text = rest.get(end + 1..)?;
    }
    Some(labels)
}

/// All samples of a scrape.
pub(super) struct Samples(Vec<Sample>);

impl Samples {
    /// Lines that are no samples are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(Sample::parse).collect())
    }

    /// The samples of a name.
    pub(super) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| sample.name == name)
    }

    /// Sum of the samples of a name.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.of(name).map(|sample| sample.value).sum()
    }

    /// Sum of the samples of a name that have this label.
    pub(super) fn sum_where(&self, name: &str, label: &str, value: &str) -> f64 {
        let of = self.of(name).filter(|sample| sample.label(label) == value);
        of.map(|sample| sample.value).sum()
    }

    /// The least bound of a histogram, over all its labels, below which this part of its values is. `None`: it is empty.
    pub(super) fn quantile(&self, name: &str, part: f64) -> Option<f64> {
        let mut classes: Vec<(f64, f64)> = Vec::new();
        for sample in self.of(&format!("{name}_bucket")) {
            let bound: f64 = sample.label("le").parse().ok()?;
            match classes.iter_mut().find(|(at, _)| *at == bound) {
                Some((_, count)) => *count += sample.value,
                None => classes.push((bound, sample.value)),
            }
        }
        classes.sort_by(|one, other| one.0.total_cmp(&other.0));
        let all = classes.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
        classes
            .iter()
            .find(|(_, count)| *count >= part * all)
            .map(|(bound, _)| *bound)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_were_written() {
        let sample = Sample::parse(r#"a_total{x="1",y="a \"b\" \\ {c} \n"} 3"#).unwrap();
        assert_eq!((sample.name.as_str(), sample.value), ("a_total", 3.0));
        assert_eq!((sample.label("x"), sample.label("y")), ("1", "a \"b\" \\ {c} \n"));
        assert_eq!(Sample::parse("a 1.5").unwrap().value, 1.5);
        for broken in ["a", "a{x=\"1\" 3", "a{x} 3", "a{x=\"1\"} b"] {
            assert_eq!(Sample::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_quantile_is_over_all_labels() {
        let text = "\
            # TYPE t histogram\n\
            t_bucket{r=\"a\",le=\"1\"} 1\nt_bucket{r=\"a\",le=\"2\"} 1\nt_bucket{r=\"a\",le=\"+Inf\"} 1\n\
            t_bucket{r=\"b\",le=\"1\"} 0\nt_bucket{r=\"b\",le=\"2\"} 2\nt_bucket{r=\"b\",le=\"+Inf\"} 3\n";
        let samples = Samples::parse(text);
        assert_eq!(samples.quantile("t", 0.25), Some(1.0));
        assert_eq!(samples.quantile("t", 0.75), Some(2.0));
        assert_eq!(samples.quantile("t", 0.99), Some(f64::INFINITY));
        assert_eq!(samples.quantile("u", 0.5), None);
        assert_eq!(Samples::parse("t_bucket{le=\"+Inf\"} 0").quantile("t", 0.5), None);
    }
}
