// The form of the HTTP-POST binding sends itself.
document.forms[0].submit();
