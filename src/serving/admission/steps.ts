/** Where admission stands in a request's way: before the body is read, before the work, and after it. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Ms } from "../../core/index.ts";
import { sendProblem } from "../error-answer.ts";
import type { App } from "../route.ts";
import type { Admission, Grant, Job, Rejection } from "./admission.ts";
import type { Lane } from "./lanes.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** From when the budget counts, in monotonic milliseconds: the earliest moment at which all of it may have been there. */
    acceptedAt: number;
    /** 1 where the answer is to be the cheapest one; see `Arrival`. */
    pressure: number;
    /** Milliseconds in the line. */
    waited: number;
    /** See `Arrival`. */
    turn: () => Promise<number>;
    /** See `Arrival`. */
    pause: () => Promise<void>;
    /** Tells admission that the answer is there. */
    leave: (() => void) | null;
  }
}

/** A request waits after its body was read and checked, and leaves when its answer is there to be sent. */
export function addAdmissionSteps(app: App, admission: Admission): void {
  app.decorateRequest("acceptedAt", 0);
  app.decorateRequest("pressure", 0);
  app.decorateRequest("waited", 0);
  app.decorateRequest("turn", atOnce);
  app.decorateRequest("pause", noPause);
  app.decorateRequest("leave", null);
  app.addHook("preHandler", (request, reply, done) => {
    const { lane } = request.routeOptions.config;
    if (lane === undefined) done();
    else admission.enter(new RequestJob(lane, admission, request, reply, done));
  });
  app.addHook("onSend", (request, _reply, _payload, done) => {
    request.leave?.();
    done();
  });
}

/** Of a request that waits for nothing. */
const atOnce = async () => 0;
const noPause = async () => {};

class RequestJob implements Job {
  readonly lane: Lane;
  readonly since: Ms;
  readonly budget: Ms;
  private readonly admission: Admission;
  private readonly request: FastifyRequest;
  private readonly reply: FastifyReply;
  private readonly next: () => void;

  constructor(
    lane: Lane,
    admission: Admission,
    request: FastifyRequest,
    reply: FastifyReply,
    next: () => void,
  ) {
    this.lane = lane;
    this.admission = admission;
    this.request = request;
    this.reply = reply;
    this.next = next;
    this.since = request.acceptedAt as Ms;
    this.budget = budgetOf(request) ?? admission.patienceOf(lane);
  }

  gone(): boolean {
    return this.request.raw.socket.destroyed;
  }

  start({ pressure, waited, turn, pause, done }: Grant): void {
    const { request } = this;
    request.pressure = pressure;
    request.waited = waited;
    request.turn = turn;
    request.pause = pause;
    request.leave = done;
    this.next();
  }

  refuse(reason: Rejection): void {
    sendOverloaded(this.reply, reason, this.admission.clearedIn(this.lane));
  }
}

/** What the request itself says, checked by then. */
function budgetOf({ query, body }: FastifyRequest): Ms | undefined {
  const { budgetMs } = ((body ?? query) as { readonly budgetMs?: unknown } | undefined) ?? {};
  return typeof budgetMs === "number" ? (budgetMs as Ms) : undefined;
}

const WHY: Readonly<Record<Rejection, string>> = {
  line_full: "expected room in the line of requests, it is full",
  too_late: "expected an answer within the budget, the line of requests is too long for one",
  expired: "expected its turn within the budget, four of them were over",
  connection_busy: "expected fewer requests at once on one connection. Wait for answers, or open another one",
  gone: "the client has closed the connection",
};

/** Most seconds that a client is told to wait (guess): an overload ends, and clients are many. */
const RETRY_AT_MOST = 30;

/** The cheapest answer: written without an error being thrown, and without a line in the log. */
export function sendOverloaded(reply: FastifyReply, reason: Rejection, clearedIn: Ms): FastifyReply {
  const seconds = Math.max(1, Math.min(RETRY_AT_MOST, Math.ceil(clearedIn / 1000)));
  reply.header("retry-after", String(seconds));
  const message = `The server is overloaded: ${WHY[reason]}. Try again after ${seconds} s.`;
  return sendProblem(reply, { code: "overloaded", message });
}
