<?php

$options = json_decode(file_get_contents(getenv('IDP_DIR') . '/options.json'), true);

$metadata[getenv('IDP_URL') . '/saml2/idp/metadata.php'] = $options['idp'] + [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.key',
    'certificate' => 'idp.crt',
    'auth' => 'people',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'simplesaml.nameidattribute' => 'uid',
    // It takes a request's word for a second factor, as a real one takes the person's.
    'authproc' => [
        50 => [
            'class' => 'core:PHP',
            'code' => '
                $mfa = "https://refeds.org/profile/mfa";
                $asked = $state["saml:RequestedAuthnContext"]["AuthnContextClassRef"] ?? [];
                if (in_array($mfa, $asked, true)) {
                    $state["saml:AuthnContextClassRef"] = $mfa;
                }
            ',
        ],
    ],
];
