/**
 * Tests that need a Python 3: skipped by name where it is missing, except with CI=true.
 *
 * @module
 */
import test from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';

const isMissing = findProgram('python3', process.env) === undefined;

/** A test that needs python3. */
export const pythonTest = isMissing && process.env.CI !== 'true' ? test.skip : test;
