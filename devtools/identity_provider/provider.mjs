// A real identity provider (oidc-provider, OpenID-certified) with accounts whose groups come from accounts.json.
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';
const [port, accountsFile, redirect, lifetime] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const accounts = () => JSON.parse(readFileSync(accountsFile));
const provider = new Provider(issuer, {
  clients: [
    { client_id: 'gateway', client_secret: 'a-secret-of-the-client', redirect_uris: [redirect], response_types: ['code'] },
    { client_id: 'another', client_secret: 'a-secret-of-another', redirect_uris: [redirect], response_types: ['code'] },
  ],
  scopes: ['openid', 'profile', 'groups'],
  claims: { openid: ['sub'], profile: ['preferred_username', 'name'], groups: ['groups'] },
  ttl: { IdToken: Number(lifetime || 3600) },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ['not-a-secret-here'] },
  async findAccount(_, id) {
    const found = accounts()[id];
    return found && { accountId: id, claims: async () => ({ sub: id, ...found }) };
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log(`listening at ${issuer}`));
