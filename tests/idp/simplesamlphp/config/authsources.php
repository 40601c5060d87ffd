<?php

// The people. Each password is the name's own.

$role = 'https://aws.amazon.com/SAML/Attributes/Role';
$session = 'https://aws.amazon.com/SAML/Attributes/RoleSessionName';
$group = 'http://schemas.xmlsoap.org/claims/Group';

$pair = static fn (string $name): string =>
    "arn:aws:iam::123456789012:saml-provider/SSP,arn:aws:iam::123456789012:role/$name";

// In the first of twelve accounts.
$in = static fn (string $name): string =>
    "arn:aws:iam::111122223301:role/$name,arn:aws:iam::111122223301:saml-provider/SSP";

// 300 roles: 25 in each of those.
$many = [];
foreach (range(1, 12) as $account) {
    foreach (range(1, 25) as $number) {
        $name = $number === 1 ? 'Payments' : sprintf('team/Engineer-%02d', $number);
        $id = sprintf('1111222233%02d', $account);
        $many[] = "arn:aws:iam::$id:role/$name,arn:aws:iam::$id:saml-provider/SSP";
    }
}

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
        'hanna:hanna' => [
            'uid' => ['hanna@example.test'],
            $role => $many,
            $session => ['hanna@example.test'],
        ],
        // One role, in one of those accounts.
        'olaf:olaf' => [
            'uid' => ['olaf@example.test'],
            $role => [$many[1]],
            $session => ['olaf@example.test'],
        ],
        // One that is open, and three of which a rule wants more than a sign-in.
        'ines:ines' => [
            'uid' => ['ines@example.test'],
            $role => array_map($in, ['team/Engineer-03', 'Payments', 'Vault', 'Incidents']),
            $session => ['ines@example.test'],
        ],
        // In development only: no rule grants that.
        'bob:bob' => [
            'uid' => ['bob@example.test'],
            $role => [$pair('Development')],
            $session => ['bob@example.test'],
        ],
    ],
];
