'use strict';
// What is shown comes from GET /v1/cluster, and from answers to what is stored. Nothing of it
// is taken for HTML.

const at = (id) => document.getElementById(id);
const base = location.href.replace(/[^/]*$/, '').replace(/\/$/, '');

function element(name, text, properties = {}) {
	const e = Object.assign(document.createElement(name), properties);
	e.textContent = text;
	return e;
}

function bytes(n) {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
	let i = 0;
	for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
	return `${i === 0 ? n : n.toFixed(n < 10 ? 1 : 0)} ${units[i]}`;
}

function time(seconds) {
	if (seconds < 90) return `${Math.round(seconds)} s`;
	if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
	if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
	return `${Math.round(seconds / 86400)} days`;
}

// free tells how much room there is, as far as it is known.
const free = (n) => (n === null ? 'not known' : bytes(n));

// forever is the epoch that does not come: blobs are kept for good where there is no ledger.
const forever = 4294967295;
const until = (epoch) => (epoch === forever ? 'for good' : epoch);

// curl returns the line that brings what is shown.
const curl = (path, field) => `curl -s ${base}${path} | jq ${field.includes(' ') ? `'${field}'` : field}`;

for (const e of document.querySelectorAll('code.curl')) e.textContent = curl(e.dataset.path, e.dataset.field);

// fill shows rows in a table. On a phone each cell has its column's name beside it.
function fill(body, rows) {
	const names = [...body.parentElement.querySelectorAll('th')].map((th) => th.textContent);
	body.replaceChildren(...rows.map((cells) => {
		const tr = document.createElement('tr');
		cells.forEach((cell, i) => {
			const td = document.createElement('td');
			td.dataset.name = names[i];
			td.append(cell ?? '');
			tr.append(td);
		});
		return tr;
	}));
}

function link(id) {
	const a = element('a', id, { href: `${base}/v1/blobs/${id}` });
	const code = document.createElement('code');
	code.append(a);
	return code;
}

// state tells how a node is, and why.
function state(m) {
	const span = element('span', m.state, { className: m.state === 'healthy' ? 'good' : 'bad' });
	for (const more of [m.migration, ...(m.problems ?? [])]) if (more) span.append(element('small', more));
	return span;
}

// certificate tells of a blob's certificate what is known of it.
function certificate(b, cluster) {
	const by = b.signers ? `, by ${b.signers} nodes with ${b.signed_shards} of ${cluster.shards} shards` : '';
	return `epoch ${b.certified_epoch}${by}`;
}

function show(cluster) {
	const l = cluster.ledger;
	const silent = cluster.free_bytes === null ? 0 : cluster.members.filter((m) => m.up && m.free_bytes === null).length;
	const figures = [ // and where each is in the answer
		['Network', cluster.network, '.network'],
		['Epoch', cluster.epoch, '.epoch'],
		['Next epoch', l ? `in ${time(Math.max(0, l.next_epoch_seconds))}` : 'never: there is no ledger', '.ledger.next_epoch_seconds'],
		['Nodes up', `${cluster.nodes_up} of ${cluster.members.length}`, '.nodes_up, (.members | length)'],
		['Shards up', `${cluster.shards_up} of ${cluster.shards}, ${cluster.shards_needed} are needed`, '.shards_up, .shards, .shards_needed'],
		['Slivers missing', cluster.missing, '.missing'],
		['Bytes stored', bytes(cluster.stored_bytes), '.stored_bytes'],
		['Bytes free', `${free(cluster.free_bytes)}${silent ? `; ${silent} nodes do not know` : ''}`, '.free_bytes'],
	];
	if (l) {
		figures.push(
			['Phase of the epoch', l.phase, '.ledger.phase'],
			['Height', l.height, '.ledger.height'],
			['Reserved', `${bytes(l.used)} of ${bytes(l.capacity)}`, '.ledger.used, .ledger.capacity'],
			['Price of a MiB, for an epoch', l.storage_price, '.ledger.storage_price'],
			['Price of writing a MiB', l.write_price, '.ledger.write_price'],
			['Fee for each byte', l.fee_per_byte, '.ledger.fee_per_byte'],
		);
	}
	if (l?.challenge) {
		const c = l.challenge;
		figures.push([`Last challenge, epoch ${c.epoch}`, `${c.stage}: ${c.passed} of ${cluster.members.length} nodes passed, ${c.drawn} of ${c.blobs} blobs`, '.ledger.challenge']);
	}
	at('figures').replaceChildren(...figures.map(([name, value, path]) => {
		const div = document.createElement('div');
		div.append(element('dt', name), element('dd', value), element('code', curl('/v1/cluster', path)));
		return div;
	}));
	at('trouble').textContent = cluster.shards_up < cluster.shards_needed ? 'Too few shards are up to store anything.' : '';
	const members = cluster.members.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
	fill(at('members'), members.map((m) => [m.name, state(m), `${m.weight} (${m.shards})`,
		...(m.up ? [bytes(m.stored_bytes), free(m.free_bytes), m.missing, m.recovered, m.uptime] : ['', '', '', '', m.error])]));
	fill(at('recent'), cluster.recent.map((b) => [
		link(b.blob_id), bytes(b.length), certificate(b, cluster), `${until(b.end_epoch)}${b.permanent ? '' : ', may be deleted'}`, element('code', b.object)]));
	at('limits').textContent = `up to ${bytes(cluster.max_blob)}`;
	at('form').hidden = !cluster.writes;
}

async function look() {
	try {
		const answer = await fetch(`${base}/v1/cluster`);
		if (!answer.ok) throw new Error(await answer.text());
		show(await answer.json());
	} catch (error) {
		at('trouble').textContent = `The gateway does not answer: ${error.message}`;
	}
}

async function store(file) {
	const out = at('stored');
	out.replaceChildren(element('p', `Storing ${file.name}, ${bytes(file.size)} …`));
	const url = `${base}/v1/blobs?epochs=${encodeURIComponent(at('epochs').value)}`;
	try {
		const answer = await fetch(url, { method: 'PUT', body: file });
		const text = await answer.text();
		if (!answer.ok) {
			let message = text;
			try { message = JSON.parse(text).error.message; } catch { /* it is text */ }
			throw new Error(message);
		}
		const got = JSON.parse(text);
		const made = got.newlyCreated;
		const id = made ? made.blobObject.blobId : got.alreadyCertified.blobId;
		const end = made ? made.blobObject.storage.endEpoch : got.alreadyCertified.endEpoch;
		const p = element('p', made ? 'Stored as ' : 'It was stored already, as ');
		p.append(link(id), end === forever ? ', for good' : `, until epoch ${end}`, made && made.cost ? `, for ${made.cost}` : '', '.');
		out.replaceChildren(p,
			element('code', `curl -T ${JSON.stringify(file.name)} '${url}'`, { className: 'curl' }),
			element('code', `curl -o ${JSON.stringify(file.name)} ${base}/v1/blobs/${id}`, { className: 'curl' }));
		look();
	} catch (error) {
		out.replaceChildren(element('p', `${file.name} is not stored: ${error.message}`, { className: 'bad' }));
	}
}

at('form').addEventListener('submit', (e) => e.preventDefault());
at('file').addEventListener('change', () => { if (at('file').files.length) store(at('file').files[0]); });
for (const kind of ['dragover', 'dragleave', 'drop']) {
	at('drop').addEventListener(kind, (e) => {
		e.preventDefault();
		at('drop').classList.toggle('over', kind === 'dragover');
		if (kind === 'drop' && e.dataTransfer.files.length) store(e.dataTransfer.files[0]);
	});
}
look();
setInterval(look, 3000);
