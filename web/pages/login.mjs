/* A token is traded for a cookie; the page itself keeps nothing. */
import { send } from "../lib/api.mjs";
import { html, useState } from "../lib/dom.mjs";
import { Failure, Page, Panel } from "../lib/parts.mjs";

/* Only a page of this server: "//elsewhere" would be another's. */
function next() {
	const to = new URLSearchParams(location.search).get("next") ?? "/";
	return /^\/(?![/\\])/.test(to) ? to : "/";
}

export default function Login() {
	const [state, setState] = useState({ busy: false, error: null });
	const submit = async (event) => {
		event.preventDefault();
		const token = new FormData(event.target).get("token").trim();
		setState({ busy: true, error: null });
		try {
			await send("POST", "/session", { token });
			location.assign(next());
		} catch (error) {
			setState({ busy: false, error });
		}
	};

	return html`<${Page} title="Log in" lead="This server asks for a token.">
		<${Panel} title="Your token" id="login"><form onSubmit=${submit}>
		<p><label for="token">Token</label> <input id="token" name="token" type="password"
			autocomplete="current-password" required autofocus size="70" /></p>
		<p class="small muted">It begins with <code>hilda_</code>. Who runs the server makes one by
			<code> hildad token create --name NAME --scopes read,submit</code>.</p>
		${state.error ? html`<${Failure} error=${state.error} />` : null}
		<p><button type="submit" disabled=${state.busy}>Log in</button></p>
		</form></${Panel}></${Page}>`;
}
