//! How a line is written: as JSON, or as text. Either has the fields of the event and
//! of the spans around it side by side, each name once; the innermost wins.
//!
//! The span of a request has `reference`, `login` and `access_key_id`, so every line
//! of a request has them, whichever layer writes it.

use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::{self, Debug};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, span};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    /// One object: `timestamp`, `level`, `message`, fields.
    Json,
    /// For reading.
    Text {
        /// Whether the level has a colour (ANSI).
        colour: bool,
    },
}

/// Keeps the fields of a span, as an object of JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpanFields;

impl<S: Subscriber + for<'s> LookupSpan<'s>> FormatEvent<S, SpanFields> for LineFormat {
    fn format_event(
        &self,
        context: &FmtContext<'_, S, SpanFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // The innermost span first.
        for span in context.event_scope().into_iter().flatten() {
            if let Some(kept) = span.extensions().get::<FormattedFields<SpanFields>>() {
                fields.add_others(&kept.fields);
            }
        }
        let level = *event.metadata().level();
        match self {
            Self::Json => fields.write_json(&mut writer, level),
            Self::Text { colour } => fields.write_text(&mut writer, level, *colour),
        }
    }
}

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut kept = Fields::default();
        fields.record(&mut kept);
        writer.write_str(&kept.into_object())
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &span::Record<'_>) -> fmt::Result {
        let mut kept = Fields::default();
        fields.record(&mut kept);
        // What is recorded again takes the place of what was.
        kept.add_others(&current.fields);
        current.fields = kept.into_object();
        Ok(())
    }
}

/// The message and the fields of a line.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(Cow<'static, str>, Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        // Of `r#type`, the name is `type`.
        let name = field.name().trim_start_matches("r#");
        match (name, value) {
            ("message", Value::String(message)) => self.message = message,
            (_, value) => self.others.push((Cow::Borrowed(name), value)),
        }
    }

    /// Adds those of this object that have a name of their own.
    fn add_others(&mut self, object: &str) {
        for (name, value) in serde_json::from_str::<Map<String, Value>>(object).unwrap_or_default() {
            if self.others.iter().all(|(known, _)| *known != name) {
                self.others.push((Cow::Owned(name), value));
            }
        }
    }

    fn into_object(self) -> String {
        let object: Map<String, Value> =
            self.others.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        Value::Object(object).to_string()
    }

    fn write_json(self, writer: &mut Writer<'_>, level: Level) -> fmt::Result {
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(writer)?;
        write!(writer, "\",\"level\":\"{level}\",\"message\":{}", Value::String(self.message))?;
        for (name, value) in &self.others {
            write!(writer, ",{}:{value}", Value::from(&**name))?;
        }
        writer.write_str("}\n")
    }

    fn write_text(self, writer: &mut Writer<'_>, level: Level, colour: bool) -> fmt::Result {
        SystemTime.format_time(writer)?;
        if colour {
            write!(writer, " \x1b[{}m{level:>5}\x1b[0m ", colour_of(level))?;
        } else {
            write!(writer, " {level:>5} ")?;
        }
        // A line stays one line, whatever is in it.
        for c in self.message.chars() {
            if c.is_control() { write!(writer, "{}", c.escape_default())? } else { writer.write_char(c)? }
        }
        for (name, value) in &self.others {
            write!(writer, " {name}={value}")?;
        }
        writer.write_char('\n')
    }
}

/// As terminals number them: red, yellow, green, blue, magenta.
fn colour_of(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;
        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn logged(format: LineFormat, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(SpanFields)
            .event_format(format)
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).unwrap()
    }

    /// Keys in the order in which they stand, so that a name that is there twice is seen.
    fn keys(line: &str) -> Vec<String> {
        struct Keys(Vec<String>);
        impl<'de> serde::Deserialize<'de> for Keys {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = Keys;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                        let mut keys = Vec::new();
                        while let Some((key, _)) = map.next_entry::<String, Value>()? {
                            keys.push(key);
                        }
                        Ok(Keys(keys))
                    }
                }
                d.deserialize_map(Visitor)
            }
        }
        serde_json::from_str::<Keys>(line).unwrap().0
    }

    #[test]
    fn fields_of_spans_stand_beside_those_of_the_event_each_once() {
        let lines = logged(LineFormat::Json, || {
            let span = tracing::error_span!(
                "request",
                reference = "OWN0-0000",
                login = tracing::field::Empty,
                access_key_id = tracing::field::Empty
            );
            let _entered = span.enter();
            tracing::info!(n = 1, ok = true, "first");
            span.record("login", "login-1");
            span.record("reference", "ADOP-TED0");
            tracing::warn!(error = %"a \"quoted\"\nreason", r#type = "x", "second");
            let inner = tracing::error_span!("inner", login = "login-2");
            let _entered = inner.enter();
            tracing::info!(reference = "EVEN-T000", absent = None::<&str>, "third");
        });
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(keys(lines[0]), ["timestamp", "level", "message", "n", "ok", "reference"]);
        assert_eq!(keys(lines[1]), ["timestamp", "level", "message", "error", "type", "login", "reference"]);
        assert_eq!(keys(lines[2]), ["timestamp", "level", "message", "reference", "login"]);
        let json: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json[0]["reference"], "OWN0-0000");
        assert_eq!((&json[0]["n"], &json[0]["ok"]), (&1.into(), &true.into()));
        assert_eq!((&json[1]["reference"], &json[1]["login"]), (&"ADOP-TED0".into(), &"login-1".into()));
        assert_eq!(json[1]["error"], "a \"quoted\"\nreason");
        assert_eq!((&json[2]["reference"], &json[2]["login"]), (&"EVEN-T000".into(), &"login-2".into()));
    }

    #[test]
    fn a_line_of_text_stays_one_line() {
        let line = logged(LineFormat::Text { colour: false }, || {
            let span = tracing::error_span!("request", reference = "7K3F-9QTZ");
            let _entered = span.enter();
            tracing::warn!(error = %"a\n2026-11-25 forged", n = 3, "some\nthing {}", "x");
        });
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'));
        assert_eq!(
            rest,
            " WARN some\\nthing x error=\"a\\n2026-11-25 forged\" n=3 reference=\"7K3F-9QTZ\"\n"
        );
    }
}
