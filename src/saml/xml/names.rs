//! XML namespaces.

/// `saml:`, the elements of an assertion.
pub(in crate::saml) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// `samlp:`, the elements of a response.
pub(in crate::saml) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// `md:`, the elements of metadata.
pub(in crate::saml) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// `ds:`, the elements of a signature.
pub(in crate::saml) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// `xenc:`, the elements of XML Encryption.
pub(in crate::saml) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// `xenc11:`, the elements that XML Encryption 1.1 added.
pub(in crate::saml) const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
/// `ec:`, the exclusive canonicalization algorithm and its one element.
pub(in crate::saml) const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// `xsi:`, attributes that any element may carry.
pub(in crate::saml) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
