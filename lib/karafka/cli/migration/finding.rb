# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka doctor --migrate`: which parts of an application work as they stand, change their meaning, or need a change.
    module Migration
      # `verdict` is :do (something has to be done), :changes (it works, and means or does something else) or :works; `lines` is empty
      # where it is about the file as a whole. `page` is where more of it stands.
      Finding = Struct.new(:file, :lines, :verdict, :library, :subject, :text, :page, keyword_init: true) do
        # @return [Array] what tells two findings of one file apart, without their lines
        def identity = [file, verdict, library, subject, text]

        # @return [Boolean] whether somebody has to do something
        def to_do? = verdict == :do
      end
    end
  end
end
