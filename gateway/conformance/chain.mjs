// A stub of the chain that Walrus's SDK reads committees from, and sends transactions to:
// objects in memory, in the SDK's own encoding. A registration and a certificate are
// passed on to those who keep the facts here.
import { bcs } from '@mysten/sui/bcs';
import { ClientCache } from '@mysten/sui/experimental';
import { deriveDynamicFieldID, normalizeSuiAddress } from '@mysten/sui/utils';

const contracts = './node_modules/@mysten/walrus/dist/esm/contracts/walrus';
const { Blob } = await import(`${contracts}/blob.js`);
const { Staking } = await import(`${contracts}/staking.js`);
const { StakingInnerV1 } = await import(`${contracts}/staking_inner.js`);
const { StakingPool } = await import(`${contracts}/staking_pool.js`);
const { System } = await import(`${contracts}/system.js`);
const { SystemStateInnerV1 } = await import(`${contracts}/system_state_inner.js`);
const { Field, blobIdFromInt } = await import('./node_modules/@mysten/walrus/dist/esm/utils/bcs.js');

const address = (n) => normalizeSuiAddress('0x' + n.toString(16));
const packageID = address(0xa000);
const systemID = address(0xb000);
const stakingID = address(0xb001);
const none = { id: { id: address(0) } };
const no = { contents: [] };
const version = 2n;

export const packageConfig = { systemObjectId: systemID, stakingPoolId: stakingID };

export class Chain {
	// network is {shards, epoch, nodes: [{address, key, shards}]}; register and certify keep
	// the facts, and return what they are asked for in the tests.
	constructor(network, register, certify) {
		this.objects = new Map();
		this.register = register;
		this.certify = certify;
		this.cache = new ClientCache();
		this.network = 'testnet';
		this.core = {
			getObjects: async ({ objectIds }) => ({ objects: objectIds.map((id) => this.objects.get(id) ?? new Error(`no object ${id}`)) }),
			getMoveFunction: async () => ({
				function: {
					parameters: [
						null,
						{ body: { $kind: 'datatype', datatype: { typeParameters: [{ $kind: 'datatype', datatype: { typeName: `${packageID}::wal::WAL` } }] } } },
					],
				},
			}),
			waitForTransaction: async () => ({}),
		};
		const put = (id, type, data) => this.objects.set(id, { id, type: `${packageID}::${type}`, content: Promise.resolve(data.toBytes()) });
		const inner = (parent, schema, value) => {
			const id = deriveDynamicFieldID(parent, 'u64', bcs.u64().serialize(version).toBytes());
			put(id, 'field', Field(bcs.u64(), schema).serialize({ id, name: version, value }));
		};
		const nodes = network.nodes.map((n, i) => ({ ...n, id: address(0x100 + i), public_key: { bytes: [...n.key] } }));
		const committee = [{ contents: nodes.map((n) => ({ key: n.id, value: n.shards })) }];
		for (const [id, type, schema] of [[systemID, 'system::System', System], [stakingID, 'staking::Staking', Staking]]) {
			put(id, type, schema.serialize({ id: { id }, version, package_id: packageID, new_package_id: null }));
		}
		inner(systemID, SystemStateInnerV1, {
			committee: {
				members: nodes.map((n) => ({ public_key: n.public_key, weight: n.shards.length, node_id: n.id })),
				n_shards: network.shards, epoch: network.epoch, total_aggregated_key: { bytes: [] },
			},
			total_capacity_size: 1n << 40n, used_capacity_size: 0n, storage_price_per_unit_size: 3n, write_price_per_unit_size: 2n,
			future_accounting: { current_index: 0, length: 0, ring_buffer: [] },
			event_blob_certification_state: { latest_certified_blob: null, aggregate_weight_per_blob: no },
			deny_list_sizes: none,
		});
		inner(stakingID, StakingInnerV1, {
			n_shards: network.shards, epoch_duration: 1000n, first_epoch_start: 0n, pools: { ...none, size: 0n }, epoch: network.epoch,
			active_set: none, next_committee: null, committee, previous_committee: [no], next_epoch_params: null,
			epoch_state: { EpochChangeDone: 0n }, next_epoch_public_keys: none,
		});
		for (const n of nodes) {
			put(n.id, 'staking_pool::StakingPool', StakingPool.serialize({
				id: { id: n.id }, state: { Active: true }, voting_params: { storage_price: 3n, write_price: 2n, node_capacity: 0n },
				node_info: {
					name: n.address, node_id: n.id, network_address: n.address, public_key: n.public_key, next_epoch_public_key: null,
					network_public_key: [], metadata: none,
				},
				activation_epoch: 0, latest_epoch: 0, wal_balance: 0n, num_shares: 0n, pending_shares_withdraw: [no], pre_active_withdrawals: [no],
				pending_commission_rate: [no], commission_rate: 0, exchange_rates: { ...none, size: 0n }, pending_stake: [no],
				rewards_pool: { value: 0n }, commission: { value: 0n }, commission_receiver: { Address: address(0) },
				governance_authorized: { Address: address(0) }, extra_fields: { ...none, size: 0n },
			}));
		}
		this.epoch = network.epoch;
		this.transactions = 0;
	}

	putBlob(b) {
		this.objects.set(b.id.id, { id: b.id.id, type: `${packageID}::blob::Blob`, content: Promise.resolve(Blob.serialize(b).toBytes()), blob: b });
	}

	toSuiAddress() {
		return address(0xc0de);
	}

	// The chain signs and executes its own transactions: it is a signer, too.
	async signAndExecuteTransaction({ transaction }) {
		await transaction.prepareForSerialization({ client: this, supportedIntents: ['CoinWithBalance'] });
		const { commands, inputs } = transaction.getData();
		const pure = (schema, argument) => schema.fromBase64(inputs[argument.Input].Pure.bytes);
		const object = (argument) => normalizeSuiAddress(inputs[argument.Input].UnresolvedObject.objectId);
		const vector = bcs.vector(bcs.u8());
		const created = [];
		let epochs;
		for (const { MoveCall: call } of commands) {
			if (call?.package !== packageID) continue;
			const given = call.arguments;
			switch (call.function) {
				case 'reserve_space':
					epochs = pure(bcs.u32(), given[2]);
					break;
				case 'register_blob': {
					const blobId = pure(bcs.u256(), given[2]);
					const size = pure(bcs.u64(), given[4]);
					const deletable = pure(bcs.bool(), given[6]);
					const root = bcs.u256().serialize(pure(bcs.u256(), given[3])).toBytes();
					const id = await this.register({ blobId: blobIdFromInt(blobId), root, size: Number(size), epochs, deletable });
					this.putBlob({
						id: { id }, registered_epoch: this.epoch, blob_id: blobId, size, encoding_type: 1, certified_epoch: null,
						storage: { id: { id: address(1) }, start_epoch: this.epoch, end_epoch: this.epoch + epochs, storage_size: 0n }, deletable,
					});
					created.push(id);
					break;
				}
				case 'certify_blob': {
					const entry = this.objects.get(object(given[1]));
					const [signature, bitmap, message] = [2, 3, 4].map((i) => Uint8Array.from(pure(vector, given[i])));
					const signers = [...bitmap].flatMap((byte, at) => [...Array(8).keys()].filter((bit) => (byte >> bit) & 1).map((bit) => 8 * at + bit));
					await this.certify({ blobId: blobIdFromInt(entry.blob.blob_id), object: entry.id, signers, message, signature });
					this.putBlob({ ...entry.blob, certified_epoch: this.epoch });
					break;
				}
			}
		}
		const digest = `transaction-${++this.transactions}`;
		const changedObjects = created.map((id) => ({ id, idOperation: 'Created' }));
		return { digest, effects: { status: { success: true, error: null }, changedObjects } };
	}
}
