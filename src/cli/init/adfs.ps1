# Made by `vestibule init`. Run it on the primary AD FS server, as an administrator:
# AD FS's side of Vestibule. Run again, it sets the same. -WhatIf says what it would do.
# docs/ADFS.md explains each step. It was not tried on a real AD FS by those who wrote it.
#Requires -RunAsAdministrator
[CmdletBinding(SupportsShouldProcess)]
param()
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module ADFS

# new: there is no trust for AWS yet. second: one for the AWS console stays as it is, and
# another is made beside it. existing: our address is added to the one for the console.
$trust      = '@TRUST@'
$name       = 'AWS through Vestibule'
$identifier = '@IDENTIFIER@'
$console    = '@CONSOLE@'
$acs        = '@ACS@'

# Groups named @GROUPS@ stand for roles named ADFS-something.
$rules = @'
@RuleName = "NameID"
c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname"]
 => issue(Type = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
    Issuer = c.Issuer, OriginalIssuer = c.OriginalIssuer, Value = c.Value, ValueType = c.ValueType,
    Properties["http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/format"]
      = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");

@RuleName = "RoleSessionName"
c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname", Issuer == "AD AUTHORITY"]
 => issue(store = "Active Directory",
    types = ("https://aws.amazon.com/SAML/Attributes/RoleSessionName"),
    query = ";mail;{0}", param = c.Value);

@RuleName = "Groups, for the next two rules"
c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname", Issuer == "AD AUTHORITY"]
 => add(store = "Active Directory", types = ("http://temp/group"), query = ";tokenGroups;{0}", param = c.Value);

@RuleName = "Role"
c:[Type == "http://temp/group", Value =~ "(?i)^@GROUP@"]
 => issue(Type = "https://aws.amazon.com/SAML/Attributes/Role",
    Value = RegExReplace(c.Value, "(?i)^@GROUP@",
      "@PROVIDER@,@ROLES@"));

@RuleName = "Group"
c:[Type == "http://temp/group", Value =~ "(?i)^@GROUP@"]
 => issue(Type = "http://schemas.xmlsoap.org/claims/Group", Value = c.Value);
'@

# AD FS allows each identifier once.
$owner = Get-AdfsRelyingPartyTrust -Identifier $identifier
$awsTrust = Get-AdfsRelyingPartyTrust -Identifier $console
if ($trust -ne 'existing' -and $owner -and $owner.Name -ne $name) {
    throw "The trust '$($owner.Name)' has the identifier $identifier already, and nothing was changed. If people sign in to the AWS console by it, run vestibule init again with --adfs-trust second or existing."
}
if ($trust -ne 'new' -and -not $awsTrust) {
    throw "There is no trust with the identifier $console, and nothing was changed. Run vestibule init again with --adfs-trust new."
}

if ($trust -eq 'existing') {
    # Who signs in to the console goes on as before: its address stays the default, and
    # AD FS answers a request of Vestibule's at the address that the request names.
    $endpoints = @($awsTrust.SamlEndpoints)
    $there = @($endpoints | Where-Object { "$($_.Location)" -eq $acs })
    if ($there.Count -eq 0 -and $PSCmdlet.ShouldProcess($awsTrust.Name, "Add the endpoint $acs")) {
        $index = 1 + ($endpoints | Measure-Object -Property Index -Maximum).Maximum
        $endpoints += New-AdfsSamlEndpoint -Binding POST -Protocol SAMLAssertionConsumer -Uri $acs -IsDefault $false -Index $index
        # An update from AWS's metadata would take the address away again.
        Set-AdfsRelyingPartyTrust -TargetName $awsTrust.Name -AutoUpdateEnabled $false -SamlEndpoint $endpoints
    }
    if (-not $WhatIfPreference) {
        Write-Host "Done: '$($awsTrust.Name)' answers at $acs too, where Vestibule asks for it."
    }
    return
}

# Who may sign in, and what is said of them: with a trust for the console the same as there.
$settings = @{
    SignatureAlgorithm     = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'
    SamlResponseSignature  = 'AssertionOnly'
    EncryptClaims          = $false
    SamlEndpoint           = New-AdfsSamlEndpoint -Binding POST -Protocol SAMLAssertionConsumer -Uri $acs -IsDefault $true -Index 0
    IssuanceTransformRules = $rules
}
$policies = (Get-Command Set-AdfsRelyingPartyTrust).Parameters.ContainsKey('AccessControlPolicyName')
if ($trust -eq 'second') {
    $settings.IssuanceTransformRules = $awsTrust.IssuanceTransformRules
    if ($policies -and $awsTrust.AccessControlPolicyName) {
        $settings.AccessControlPolicyName = $awsTrust.AccessControlPolicyName
        if ($awsTrust.AccessControlPolicyParameters) {
            $settings.AccessControlPolicyParameters = $awsTrust.AccessControlPolicyParameters
        }
    } else {
        $settings.IssuanceAuthorizationRules = $awsTrust.IssuanceAuthorizationRules
    }
} elseif ($policies) {
    # Everybody may sign in; without a group AWS-... nobody gets a role.
    $settings.AccessControlPolicyName = 'Permit everyone'
} else {
    # AD FS on Windows Server 2012 R2.
    $settings.IssuanceAuthorizationRules = '@RuleTemplate = "AllowAllAuthzRule" => issue(Type = "http://schemas.microsoft.com/authorization/claims/permit", Value = "true");'
}
if ($PSCmdlet.ShouldProcess($name, 'Add or set the relying party trust')) {
    if (-not $owner) {
        Add-AdfsRelyingPartyTrust -Name $name -Identifier $identifier
    }
    Set-AdfsRelyingPartyTrust -TargetName $name @settings
}

# Logins begin at AD FS's sign-on page and bring back what the page gave along.
# AD FS serves no login while its service restarts.
if ($PSCmdlet.ShouldProcess('AD FS', 'Hand RelayState through, and restart')) {
    Set-AdfsProperties -EnableRelayStateForIdpInitiatedSignOn $true
    if ((Get-Command Set-AdfsProperties).Parameters.ContainsKey('EnableIdPInitiatedSignonPage')) {
        Set-AdfsProperties -EnableIdPInitiatedSignonPage $true
    }
    Restart-Service adfssrv
}
if (-not $WhatIfPreference) {
    Write-Host "Done: '$name' sends its assertions to $acs."
}
