<?php

// The service provider as it describes itself: its own metadata, read by
// SimpleSAMLphp's own importer, with only the test's signing options over it.

$file = getenv('IDP_DIR') . '/sp.xml';
if (file_exists($file)) {
    $sp = SimpleSAML\Metadata\SAMLParser::parseFile($file)->getMetadata20SP();
    $sp['saml20.sign.assertion'] = str_contains(getenv('IDP_SIGN'), 'assertion');
    $sp['saml20.sign.response'] = str_contains(getenv('IDP_SIGN'), 'response');
    $sp['signature.algorithm'] = getenv('IDP_SIGNATURE_ALGORITHM');
    $metadata[$sp['entityid']] = $sp;
}
