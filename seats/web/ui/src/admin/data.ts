// What the admin page reads. Times are Unix seconds, durations seconds.
import { signal } from "@preact/signals";
import { get } from "../common/api";
import type { AgentRow, LinkRow, Role } from "../common/types";

export type Pool = { zh: string; en: string; home: string; floor: number };
export type Ring = { pool: string; after: number };
export type Overflow = { do: string };
export type Route = { objective: number; rings: Ring[]; hours?: string; overflow?: Record<string, Overflow> };
export type Plan = {
  version: number; ring_timeout: number; wrap_up: number; max_wait: number; rest_after_misses: number;
  short_abandon?: number;
  overflow?: Record<string, Overflow>;
  pools: Record<string, Pool>;
  provinces: Record<string, Route>;
  callbacks?: { dial: string };
};
export type Version = { version: number; at: number; actor: string; comment: string };
export type Routing = { version: number; plan: Plan; versions: Version[] };
export type Person = { login: string; name: string; role: Role; agent_id: string | null };
export type Node = { name: string; host: string; port: number; username: string; link?: LinkRow };

export const routing = signal<Routing | null>(null);
export const people = signal<Person[]>([]);
export const nodes = signal<Node[]>([]);
export const agents = signal<ReadonlyMap<string, AgentRow>>(new Map());

/** Read everything afresh. */
export async function loadAdmin(): Promise<void> {
  const [plan, users, config, known] = await Promise.all([
    get<Routing>("/routing"),
    get<{ users: Person[] }>("/users"),
    get<{ nodes: Node[] }>("/config"),
    get<{ agents: AgentRow[] }>("/agents"),
  ]);
  routing.value = plan;
  people.value = users.users;
  nodes.value = config.nodes;
  agents.value = new Map(known.agents.map((agent) => [agent.id, agent]));
}
