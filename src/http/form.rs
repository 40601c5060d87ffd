//! `application/x-www-form-urlencoded`, strictly: input that two parsers could read
//! differently is refused (URL standard section 5.1 is lenient).

use super::error::Error;
use memchr::memchr2;
use zeroize::{Zeroize, Zeroizing};

/// A sign-in has two fields, and identity providers add a few.
const MAX_FIELDS: usize = 32;

/// An escape that is not `%` and two hexadecimal digits, text that is not UTF-8, or more
/// than [`MAX_FIELDS`] fields: 157,000 empty ones fit into the longest body and cost 28 ms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// One name and its value. Values may be secrets.
pub(crate) type Field = (String, Zeroizing<String>);

/// The fields, in order. Too many are refused before the first is decoded.
pub(crate) fn fields(form: &[u8]) -> impl Iterator<Item = Result<Field, Malformed>> {
    // Looks no further than it must.
    let too_many = form.split(|b| *b == b'&').nth(MAX_FIELDS).is_some();
    let form = if too_many { &[][..] } else { form };
    let decoded = form.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = match pair.iter().position(|b| *b == b'=') {
            Some(equals) => (pair.get(..equals), pair.get(equals + 1..)),
            None => (Some(pair), None),
        };
        let name = decode(name.unwrap_or_default())?;
        Ok((name.as_str().to_owned(), decode(value.unwrap_or_default())?))
    });
    too_many.then_some(Err(Malformed)).into_iter().chain(decoded)
}

/// `SAMLResponse` and `RelayState` of a login's form, each at most once.
pub(crate) fn login(
    fields: impl IntoIterator<Item = Result<Field, Malformed>>,
) -> Result<(Zeroizing<String>, Option<Zeroizing<String>>), Error> {
    let (mut response, mut relay_state) = (None, None);
    for field in fields {
        let (name, value) = field.map_err(|Malformed| Error::FormMalformed)?;
        let slot = match name.as_str() {
            "SAMLResponse" => &mut response,
            "RelayState" => &mut relay_state,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(Error::DuplicateField);
        }
    }
    Ok((response.ok_or(Error::ResponseMissing)?, relay_state))
}

/// One name or value.
pub(crate) fn decode(encoded: &[u8]) -> Result<Zeroizing<String>, Malformed> {
    unescaped(encoded, b' ')
}

/// Text with percent escapes outside of a form (RFC 3986, 2.1), where `+` is itself.
pub(crate) fn percent_decoded(encoded: &[u8]) -> Result<Zeroizing<String>, Malformed> {
    unescaped(encoded, b'+')
}

fn unescaped(encoded: &[u8], plus: u8) -> Result<Zeroizing<String>, Malformed> {
    // Never longer than this, so no copy is left behind where it grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len()));
    let mut rest = encoded;
    while let Some(plain) = memchr2(b'+', b'%', rest) {
        let (plain, escaped) = rest.split_at(plain);
        bytes.extend_from_slice(plain);
        rest = match escaped {
            [b'+', rest @ ..] => {
                bytes.push(plus);
                rest
            }
            [b'%', high, low, rest @ ..] => {
                bytes.push(hex(*high)? << 4 | hex(*low)?);
                rest
            }
            _ => return Err(Malformed),
        };
    }
    bytes.extend_from_slice(rest);
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(Malformed)
        }
    }
}

const fn hex(digit: u8) -> Result<u8, Malformed> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(form: &str) -> Result<Vec<(String, String)>, Malformed> {
        fields(form.as_bytes()).map(|f| f.map(|(n, v)| (n, v.to_string()))).collect()
    }

    #[test]
    fn what_browsers_send_is_read() {
        let expected = [("SAMLResponse", "a+b/c=="), ("RelayState", "x##y z"), ("empty", ""), ("bare", "")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()));
        let form = "SAMLResponse=a%2Bb%2fc==&RelayState=x%23%23y+z&&empty=&bare";
        assert_eq!(all(form).unwrap(), expected);
    }

    #[test]
    fn half_escapes_and_bytes_that_are_no_text_are_refused() {
        for form in ["a=%", "a=%4", "a=%zz", "a=%+1", "%=a", "a=%ff", "a=%c3%28", "a=%ed%a0%80", "a=%0"] {
            assert_eq!(all(form), Err(Malformed), "{form}");
        }
        assert_eq!(fields(b"a=\xff").next(), Some(Err(Malformed)));
    }

    #[test]
    fn more_fields_than_a_sign_in_has_are_refused_unread() {
        assert_eq!(all(&"a=b&".repeat(MAX_FIELDS - 1)).unwrap().len(), MAX_FIELDS - 1);
        for form in [
            "a=b&".repeat(MAX_FIELDS),
            "&".repeat(157_000),
            "SAMLResponse=a".to_owned() + &"&x".repeat(100_000),
        ] {
            assert_eq!(fields(form.as_bytes()).collect::<Vec<_>>(), [Err(Malformed)]);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_text_survives_the_way(name in ".*", value in ".*") {
            let form = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
            assert_eq!(all(&form).unwrap(), [(name, value)]);
        }

        #[test]
        fn no_bytes_make_it_panic(form: Vec<u8>) {
            let _ = fields(&form).count();
        }
    }
}
