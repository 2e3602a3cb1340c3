// What the programs look at answers with that use generated clients.

// want fails unless what is got is what is wanted.
export function want(what: string, got: unknown, wanted: unknown): void {
	const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
	if (a !== b) throw new Error(`${what}: ${a}, want ${b}`);
}

// Answer is what a generated client returns.
export type Answer<T> = { data?: T; error?: unknown; response?: Response };

// good returns what was answered, which must be no error.
export function good<T>(what: string, { data, error, response }: Answer<T>): T {
	if (error !== undefined || !response?.ok || data === undefined) {
		throw new Error(`${what}: ${response?.status} ${error instanceof Error ? error.stack : JSON.stringify(error)}`);
	}
	return data;
}

// reason returns why an answer is an error.
export function reason({ error, response }: Answer<unknown>): string {
	const known = error as { error?: { details?: { reason?: string }[] } } | undefined;
	return `${response?.status} ${known?.error?.details?.[0]?.reason}`;
}
