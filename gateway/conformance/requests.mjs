// Answers requests, one line of JSON each on standard input, in one line of JSON each.
// Bytes are in base64. Whatever fails is answered as {"error": text}.
import { createInterface } from 'node:readline';

export const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64'));
export const text = (data) => Buffer.from(data).toString('base64');

export async function serve(operations) {
	for await (const line of createInterface({ input: process.stdin })) {
		let answer;
		try {
			const request = JSON.parse(line);
			answer = await operations[request.operation](request);
		} catch (error) {
			answer = { error: error.stack ?? String(error) };
		}
		process.stdout.write(JSON.stringify(answer ?? {}) + '\n');
	}
}
