import type { Status, StreamFrame } from '@davit/api'

/** The client's end of exec or attach, whichever protocol it speaks. */
export interface CommandClient {
  /**
   * Hands on stdin, terminal sizes and the end of stdin as frames for the agent, one after the other. Resolves when the client is
   * gone; never rejects.
   */
  read(pass: (frame: StreamFrame) => Promise<unknown>): Promise<void>
  /** Sends output; waits while the client is slow. Never rejects. */
  write(frame: StreamFrame): Promise<unknown>
  /** Says how the command ended, and closes in order. */
  finish(status: Status): Promise<void>
  /** Sends a sign of life, so that a connection that is dead shows it. */
  ping(): void
  /** Cuts the connection. */
  destroy(): void
}
