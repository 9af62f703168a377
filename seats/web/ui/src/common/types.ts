// Shapes of the JSON API and the live feed. Times are Unix seconds (UTC), durations seconds.

export type Role = "agent" | "supervisor" | "admin";
export type User = { login: string; name: string; role: Role; agent_id: string | null };
export type Session = { user: User; csrf: string; lang?: string };

export type Display =
  | "unreachable" | "resting" | "talking" | "wrap_up" | "offered" | "not_ready" | "ready" | "signed_out";
export type Chosen = "ready" | "not_ready" | "signed_out";

export type OfferView = {
  id: string; request: string; province: string; number_masked: string; made_at: number; deadline: number;
  callback: boolean;
};
export type CallView = {
  request: string; province: string; number_masked: string; answered_at: number;
  callback: boolean; customer_there: boolean;
};

export type AgentRow = {
  id: string; name: string; province: string; pools: string[]; skills: Record<string, number>;
  seat: { kind: "browser" | "sip" | "mobile"; address: string };
  chosen: Chosen; machine: string; display: Display; reason: string; since: number;
  misses: number; lease_until: number; lease_fault: string;
  reserved: { chosen: Chosen; reason: string } | null;
  wrap_up_until: number | null; offer: OfferView | null; call: CallView | null;
  recall: { province: string; at: number } | null;
};

export type Figures = {
  requests: number; connected: number; abandoned: number; timeout: number; no_seat: number; failed: number;
  callback: number; excluded_short: number; excluded_closed: number; in_progress: number;
  sl15: number; sl20: number; sl30: number;
};
export type Rate = { n: number; k: number; rate: number | null; low: number | null; high: number | null };
export type Rates = { today: Rate; hour: Rate };

export type ProvinceRow = {
  code: string; zh: string; en: string; region: string; objective: number | null;
  waiting: number; longest_wait_since: number | null; talking: number; ready: number; agents_signed_in: number;
  today: Figures; hour: Figures; rate: { strict: Rates; reported: Rates }; misses_left: number | null;
  steering: Steering | null; expected_wait: { seconds: number; error: number | null } | null;
};
export type Steering = {
  level: number; credit: number; feasible: boolean; missing: number; cause: "" | "agents" | "skills";
};

export type StaffingRow = {
  code: string; zh: string; en: string; objective: number | null; present: number; missing: number;
  handling: number; patience: number; measured: boolean;
  hours: { start: number; arrivals: number; needed: number }[];
};
export type Staffing = { provinces: StaffingRow[]; totals: StaffingRow; as_of: number };

export type WaitingRow = {
  request: string; province: string; number_masked: string; arrived_at: number;
  rings_open: number; state: "waiting" | "offered"; position: number;
};
export type LinkRow = { state: string; reason: string };

export type RequestRow = {
  id: string; node: string; arrived_at: number; province: string; source: string; confidence: string;
  did: string; number_masked: string; outcome: string | null; queue_s: number | null; ring_s: number | null;
  talk_s: number | null; agent_id: string | null; agent_name: string | null; ended_by: string | null;
  disposition: string | null; reconstructed: boolean; offers: number; klass: string;
};
export type TimelineEntry = { at: number; kind: string; text_key: string; data: Record<string, unknown> };

export type CallbackRow = {
  id: string; province: string; number_masked: string; did: string; request: string; source: string;
  requests: number; asked_at: number; state: string; due_at: number; attempts: number;
  agent_id: string | null; agent_name: string | null; reason: string; changed_at: number;
};
export type CallbacksView = {
  callbacks: CallbackRow[]; next: string | null; waiting: number; calling: number; done_today: number;
  lost_today: number; oldest_asked_at: number | null; dial: string;
};

export type Choice = { code: string; zh: string; en: string };
export type Choices = { reasons: Choice[]; dispositions: Choice[] };

export type Today = {
  offers: number; connected: number; missed: number; talk_s: number; wrap_up_s: number;
  ready_s: number; not_ready_s: number;
};
export type PhoneConfig = {
  ws_path: string; uri: string; username: string; password: string; ice_servers: RTCIceServer[];
};

export type Sections = {
  provinces: Record<string, ProvinceRow>;
  agents: Record<string, AgentRow>;
  waiting: Record<string, WaitingRow>;
  link: Record<string, LinkRow>;
  totals: ProvinceRow | null;
  me: AgentRow | null;
};
export type FeedMessage =
  | { type: "hello"; version: number; now: number; user: User }
  | { type: "snapshot"; seq: number; now: number; data: Partial<Sections> }
  | { type: "delta"; seq: number; now: number; set?: Partial<Sections>; del?: Record<string, string[]> }
  | { type: "resync" }
  | { type: "pong"; now?: number }
  | { type: "lease"; until: number };
