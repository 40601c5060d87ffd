//! A ticket as a JWS, for key rings.

use super::refusal::TicketError;
use super::ticket::{Ticket, TicketClaims, TicketKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};

/// The most characters a ticket can have; longer ones are refused unread. An operator's
/// sentence can be 1,100 of them.
const MAX_TICKET_CHARS: usize = 4_096;

/// For key rings: signs claims with a key named `kid`.
///
/// # Errors
/// [`TicketError::KeysUnavailable`] if the key cannot sign with this algorithm.
pub fn encode_ticket(
    claims: &TicketClaims,
    kid: &str,
    algorithm: Algorithm,
    key: &EncodingKey,
) -> Result<Ticket, TicketError> {
    let mut header = Header::new(algorithm);
    header.typ = Some(claims.kind.typ().to_owned());
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, key)
        .map(Ticket::from_signed)
        .map_err(|_| TicketError::KeysUnavailable)
}

/// For key rings: the `kid` by which to choose the key. Nothing is verified yet.
///
/// # Errors
/// [`TicketError::Malformed`].
pub fn ticket_kid(token: &str) -> Result<String, TicketError> {
    if token.len() > MAX_TICKET_CHARS {
        return Err(TicketError::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TicketError::Malformed)?;
    header.kid.ok_or(TicketError::Malformed)
}

/// For key rings: checks the signature with the `kid`'s key and that key's
/// algorithm, whatever the header says. Time, issuer and audience are the broker's, which
/// has the clock.
///
/// # Errors
/// [`TicketError`].
pub fn decode_ticket(
    token: &str,
    algorithm: Algorithm,
    key: &DecodingKey,
) -> Result<TicketClaims, TicketError> {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<TicketClaims>(token, key, &validation).map_err(|e| {
        use jsonwebtoken::errors::ErrorKind::{InvalidAlgorithm, InvalidAlgorithmName, InvalidSignature};
        if matches!(e.kind(), InvalidSignature | InvalidAlgorithm | InvalidAlgorithmName) {
            TicketError::Invalid
        } else {
            TicketError::Malformed
        }
    })?;
    let kind = TicketKind::of_typ(decoded.header.typ.as_deref())?;
    Ok(TicketClaims { kind, ..decoded.claims })
}
