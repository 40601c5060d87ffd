<#
.SYNOPSIS
  AD FS's side of Vestibule: relying party, claim rules, RelayState. docs/ADFS.md explains each.
.DESCRIPTION
  Run on the AD FS server as an administrator, once; run again, it sets the same.
  Not tried on a real AD FS by us.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)][ValidatePattern('^https://[^/]+$')][string]$PublicUrl,
    [Parameter(Mandatory)][ValidatePattern('^\d{12}$')][string]$AccountId,
    [string]$ProviderName = 'ADFS',
    [string]$Name = 'AWS through Vestibule'
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

# Groups AWS-NAME stand for roles ADFS-NAME.
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
c:[Type == "http://temp/group", Value =~ "(?i)^AWS-"]
 => issue(Type = "https://aws.amazon.com/SAML/Attributes/Role",
    Value = RegExReplace(c.Value, "(?i)^AWS-",
      "arn:aws:iam::__ACCOUNT__:saml-provider/__PROVIDER__,arn:aws:iam::__ACCOUNT__:role/ADFS-"));

@RuleName = "Group"
c:[Type == "http://temp/group", Value =~ "(?i)^AWS-"]
 => issue(Type = "http://schemas.xmlsoap.org/claims/Group", Value = c.Value);
'@
$rules = $rules.Replace('__ACCOUNT__', $AccountId).Replace('__PROVIDER__', $ProviderName)

if (-not (Get-AdfsRelyingPartyTrust -Name $Name)) {
    if ($PSCmdlet.ShouldProcess($Name, 'Add the relying party trust')) {
        Add-AdfsRelyingPartyTrust -Name $Name -MetadataUrl "$PublicUrl/saml/metadata"
    }
}
if ($PSCmdlet.ShouldProcess($Name, 'Set signature, access and claim rules')) {
    Set-AdfsRelyingPartyTrust -TargetName $Name `
        -SignatureAlgorithm 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256' `
        -SamlResponseSignature AssertionOnly `
        -EncryptClaims $false `
        -AccessControlPolicyName 'Permit everyone' `
        -IssuanceTransformRules $rules
}
# RelayState is off by default, and without it no page gets its credentials.
if ($PSCmdlet.ShouldProcess('AD FS', 'Hand RelayState through')) {
    Set-AdfsProperties -EnableRelayStateForIdpInitiatedSignOn $true
    Set-AdfsProperties -EnableIdpInitiatedSignonPage $true
    Restart-Service adfssrv
}
