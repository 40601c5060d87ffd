<?php

// The people. Each password is the name's own.

$role = 'https://aws.amazon.com/SAML/Attributes/Role';
$session = 'https://aws.amazon.com/SAML/Attributes/RoleSessionName';
$group = 'http://schemas.xmlsoap.org/claims/Group';

$pair = static fn (string $name): string =>
    "arn:aws:iam::123456789012:saml-provider/SSP,arn:aws:iam::123456789012:role/$name";

$config = [
    'people' => [
        'exampleauth:UserPass',

        // In production, and in development: the rule chooses.
        'alice:alice' => [
            'uid' => ['alice@example.test'],
            $role => [$pair('Development'), $pair('Production')],
            $session => ['alice@example.test'],
            $group => ['CN=Engineers & "Friends",OU=Groups', 'Zürich'],
        ],
        // A role that is given after a second factor only, and one soon after a sign-in only.
        'carol:carol' => [
            'uid' => ['carol@example.test'],
            $role => [$pair('Payments')],
            $session => ['carol@example.test'],
        ],
        'dana:dana' => [
            'uid' => ['dana@example.test'],
            $role => [$pair('Vault')],
            $session => ['dana@example.test'],
        ],
        // In development only: no rule grants that.
        'bob:bob' => [
            'uid' => ['bob@example.test'],
            $role => [$pair('Development')],
            $session => ['bob@example.test'],
        ],
    ],
];
