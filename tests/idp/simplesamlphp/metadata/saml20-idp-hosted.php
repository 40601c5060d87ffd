<?php

$options = json_decode(file_get_contents(getenv('IDP_DIR') . '/options.json'), true);

$metadata[getenv('IDP_URL') . '/saml2/idp/metadata.php'] = $options['idp'] + [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.key',
    'certificate' => 'idp.crt',
    'auth' => 'people',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'simplesaml.nameidattribute' => 'uid',
];
